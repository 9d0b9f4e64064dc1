import { elementsOf } from '../dtype.ts';
import type { Graph, Node, WeightId } from '../graph.ts';
import { inferTypes, type TypeScope } from '../infer-types.ts';
import type { Model, Weight } from '../model.ts';
import type { Range } from '../observation.ts';
import { constantOf, type Flow, flowOf, producerOf, readersOf } from '../precision/flow.ts';
import { type Kind, kindOf, operandsOf, outputAxis } from './operators.ts';

/** Constants of more elements than this are no operands of arithmetic. */
const MOST_CONSTANT = 65_536;

/** What computes with integers, and how values go between it and the rest. */
export interface IntegerPlan {
  readonly flow: Flow;
  readonly kinds: ReadonlyMap<Node, Kind>;
  /** Clip or Relu that the ends of the range stand for, by the node whose output it takes. */
  readonly absorbed: ReadonlyMap<Node, Node>;
  /** Values whose grids have to be found. */
  readonly values: ReadonlySet<string>;
  /** The value whose grid a value has: that behind operators which only move codes. */
  rootOf(name: string): string;
  /** What comes out of a node, behind what it absorbed. */
  outputOf(node: Node): string;
}

export interface PlanFacts {
  /** Weights that may become integers. */
  readonly scope: ReadonlySet<WeightId>;
  /** Whether operators or nodes of this name, or that give it, stay. */
  keep(name: string): boolean;
  /** Whether products of two activations are computed with integers, too. */
  readonly attention: boolean;
  /** Limits of Clip and its like where they are known; others are taken to hold zero. */
  readonly limits?: ReadonlyMap<Node, Range | undefined>;
  /** Values that something was seen of; absent: all. */
  readonly seen?: ReadonlySet<string>;
}

/**
 * Which nodes of the root graph compute with integers. Convolutions and products with constant weights do; arithmetic does where it lies between
 * them, so that codes go from one to the next without floats in between.
 */
export function planIntegers(model: Model & { readonly graph: Graph }, facts: PlanFacts): IntegerPlan {
  const flow = flowOf(model.graph);
  const scope = inferTypes(model.graph, model.weights).get(model.graph);
  const outputs = new Set(model.graph.outputs.map(({ name }) => name));
  const kinds = new Map<Node, Kind>();
  for (const node of model.graph.nodes) {
    const kind = kindOf(node);
    if (kind && !isKept(node, facts.keep) && isPossible(node, kind, model, flow, scope, facts)) kinds.set(node, kind);
  }
  const absorbed = new Map<Node, Node>();
  for (const [node, kind] of [...kinds]) {
    if (kind !== 'convolution' && node.op !== 'Add' && node.op !== 'Mul') continue;
    const activation = activationBehind(node, flow, outputs);
    if (!activation || isKept(activation, facts.keep)) continue;
    if (isHolding(activation, flow, facts)) absorbed.set(node, activation);
    else kinds.delete(node);
  }
  const behind = new Map([...absorbed].map(([node, activation]) => [activation, node]));
  const outputOf = (node: Node) => (absorbed.get(node) ?? node).outputs[0] ?? '';
  /** The node in the plan that makes the codes of a value. */
  const makerOf = (name: string): Node | undefined => {
    const made = producerOf(flow, name)?.node;
    const maker = made && (behind.get(made) ?? made);
    return maker && kinds.has(maker) && outputOf(maker) === name ? maker : undefined;
  };
  const isMade = (name: string): boolean => {
    const maker = makerOf(name);
    const kind = maker && kinds.get(maker);
    return kind === 'moving' ? isMade(maker!.inputs[0] ?? '') : kind === 'convolution' || kind === 'arithmetic';
  };
  const isRead = (name: string): boolean =>
    readersOf(flow, name).some(({ node, input }) => {
      const kind = kinds.get(node);
      return kind === 'moving' ? input === 0 && isRead(outputOf(node)) : kind !== undefined && operandsOf(node, kind).includes(input);
    });
  const seen = ({ seen }: PlanFacts, name: string) => seen === undefined || seen.has(name);
  const rootOf = (name: string): string => {
    const maker = makerOf(name);
    return maker && kinds.get(maker) === 'moving' ? rootOf(maker.inputs[0] ?? '') : name;
  };
  for (let before = -1; before !== kinds.size; ) {
    before = kinds.size;
    for (const [node, kind] of [...kinds]) {
      const operands = operandsOf(node, kind).map((index) => node.inputs[index] ?? '');
      const isBetween = operands.some(isMade) && isRead(outputOf(node));
      const roots = [
        ...operands.filter((name) => constantOf(flow, name) === undefined).map(rootOf),
        ...(makesCodes(kind) ? [outputOf(node)] : []),
      ];
      const isSeen = roots.every((name) => seen(facts, name));
      if (isSeen && (isBetween || kind === 'convolution' || kind === 'product')) continue;
      kinds.delete(node);
      const activation = absorbed.get(node);
      absorbed.delete(node);
      if (activation) behind.delete(activation);
    }
  }
  const values = new Set<string>();
  for (const [node, kind] of kinds) {
    if (kind === 'moving') continue;
    for (const index of operandsOf(node, kind)) {
      const name = node.inputs[index] ?? '';
      if (constantOf(flow, name) === undefined) values.add(rootOf(name));
    }
    if (makesCodes(kind)) values.add(outputOf(node));
  }
  return { flow, kinds, absorbed, values, rootOf, outputOf };
}

export function makesCodes(kind: Kind): boolean {
  return kind === 'convolution' || kind === 'arithmetic';
}

function isKept({ op, name, outputs }: Node, keep: PlanFacts['keep']): boolean {
  return [op, name, ...outputs].some(keep);
}

function isPossible(node: Node, kind: Kind, { weights }: Model, flow: Flow, scope: TypeScope | undefined, facts: PlanFacts): boolean {
  const constant = (index: number) => weights.get(constantOf(flow, node.inputs[index] ?? '') ?? '');
  const operands = operandsOf(node, kind).map((index) => node.inputs[index] ?? '');
  if (operands.some((name) => scope?.typeOf(name) !== 'f32')) return false;
  if (constant(0) && kind !== 'arithmetic') return false;
  switch (kind) {
    case 'convolution':
    case 'product': {
      const weight = constant(1);
      const bias = node.inputs[2];
      if (bias && !isBias(constant(2), weight, node)) return false;
      if (weight) return facts.scope.has(weight.id) && isQuantizable(weight, kind, outputAxis(node));
      return node.op === 'MatMul' && facts.attention;
    }
    case 'arithmetic': {
      const constants = operands.map((_, index) => constant(index)).filter((weight) => weight !== undefined);
      if (node.op === 'Add' || node.op === 'Mul') return operands.length === 2 && constants.length < 2 && constants.every(isSmallFloat);
      return constants.length === 0;
    }
    case 'moving':
      return true;
  }
}

function isQuantizable({ shape, dtype, layout }: Weight, kind: Kind, axis: number): boolean {
  if (dtype !== 'f32' || (kind === 'product' ? shape.length !== 2 : shape.length < 3) || elementsOf(shape) === 0) return false;
  if (layout.kind === 'dense') return layout.dtype === 'f32';
  if (layout.kind !== 'affine' || layout.zero || layout.order) return false;
  return layout.block === 'row' && layout.numeric.bits === 8 && layout.outputs.join() === String(axis);
}

function isBias(bias: Weight | undefined, weight: Weight | undefined, node: Node): boolean {
  const outputs = weight?.shape[outputAxis(node)];
  return bias?.layout.kind === 'dense' && bias.shape.length === 1 && bias.shape[0] === outputs && bias.dtype === 'f32';
}

function isSmallFloat({ shape, layout }: Weight): boolean {
  return layout.kind === 'dense' && elementsOf(shape) <= MOST_CONSTANT && elementsOf(shape) > 0;
}

/** The Clip or Relu that alone reads what a node gives. */
function activationBehind(node: Node, flow: Flow, outputs: ReadonlySet<string>): Node | undefined {
  const name = node.outputs[0] ?? '';
  const [reader, ...others] = readersOf(flow, name);
  if (!reader || others.length > 0 || outputs.has(name) || reader.flow !== flow || reader.input !== 0) return undefined;
  return reader.node.op === 'Relu' || reader.node.op === 'Clip' ? reader.node : undefined;
}

function isHolding(activation: Node, flow: Flow, { limits }: PlanFacts): boolean {
  if (activation.op === 'Relu') return true;
  if (activation.inputs.slice(1).some((name) => name !== '' && constantOf(flow, name) === undefined)) return false;
  if (!limits) return true;
  const range = limits.get(activation);
  return range !== undefined && range.min <= 0 && range.max >= 0;
}
