import { decode } from '../decode.ts';
import { type Node, stringAttribute, type WeightId } from '../graph.ts';
import type { TypeScope, Types } from '../infer-types.ts';
import { isStandard, type Signature, signatureOf, slots } from '../opset/signature.ts';
import { constantOf, eachFlow, type Flow, producerOf } from './flow.ts';
import { ARITHMETIC, CONTROL, EXACT_INPUTS, KEPT_OPERATORS, MOVES, REDUCING } from './keep.ts';
import { isMask } from './masks.ts';
import { overflows } from './ranges.ts';
import { isSquare, keepSquares } from './squares.ts';

export interface HalfFacts {
  readonly types: Types;
  /** Weights with finite values that a half cannot hold, and that are not masks. */
  readonly wide: ReadonlySet<WeightId>;
  /** Weights that are to stay as they are. */
  readonly untouched: ReadonlySet<WeightId>;
  /** Operators and names of nodes that are to stay as they are. */
  readonly keep: ReadonlySet<string>;
}

/** Nodes that could compute with halves and do not, each with the reason. */
export type Kept = ReadonlyMap<Node, string>;

/** Longer computations of a position are none. */
const MAX_CHAIN = 256;

/** Decides which nodes stay in 32-bit floats although their signature allows halves. */
export function planHalf(root: Flow, facts: HalfFacts): Kept {
  const kept = new Map<Node, string>();
  const sources: Sources = { wide: new Set(), stated: new Set() };
  for (const flow of eachFlow(root)) {
    for (const node of flow.graph.nodes) {
      const reason = reasonToKeep(node, facts) ?? reasonInInputs(node, flow, facts, sources);
      if (reason) kept.set(node, reason);
      if (EXACT_INPUTS.has(node.op) || isRounding(node, flow, facts)) keepIntegerChain(node, flow, facts, kept);
      if (isSquare(node, flow)) keepSquares(node, flow, kept);
    }
  }
  return kept;
}

/** Nodes whose outputs must not become halves; both grow while the graph is walked. */
interface Sources {
  /** They hold finite values beyond 65504. */
  readonly wide: Set<Node>;
  /** They are 32-bit floats in a model that computes with halves elsewhere: whoever made it wants them so. */
  readonly stated: Set<Node>;
}

/** Which inputs or outputs of a node become halves with it: 32-bit floats where the signature allows halves. */
export function halfSlots(names: readonly string[], formals: Signature['inputs'], signature: Signature, scope: TypeScope): Set<number> {
  const half = slots(names, formals).filter(
    ({ name, formal }) => formal.kind === 'variable' && signature.floats.get(formal.type)?.half && scope.typeOf(name) === 'f32',
  );
  return new Set(half.map(({ index }) => index));
}

/** Whether a node may compute with halves as far as types go: all are known, none is a sequence, and some are 32-bit floats. */
export function canBeHalf(node: Node, flow: Flow, types: Types): boolean {
  const signature = signatureOf(node, flow.graph.opsets);
  const scope = types.get(flow.graph);
  if (!signature || !scope) return false;
  const all = [...slots(node.inputs, signature.inputs), ...slots(node.outputs, signature.outputs)];
  if (all.some(({ formal, name }) => formal.kind === 'other' || scope.typeOf(name) === undefined)) return false;
  return (
    halfSlots(node.inputs, signature.inputs, signature, scope).size + halfSlots(node.outputs, signature.outputs, signature, scope).size > 0
  );
}

function reasonToKeep(node: Node, { keep }: HalfFacts): string | undefined {
  if (keep.has(node.op) || keep.has(node.name) || node.outputs.some((name) => keep.has(name))) return 'asked for';
  if (CONTROL.has(node.op)) return undefined;
  if (REDUCING.has(node.op) && stringAttribute(node, 'reduction', 'none') !== 'none') return 'gathers many elements in one';
  return Object.hasOwn(KEPT_OPERATORS, node.op) ? KEPT_OPERATORS[node.op] : undefined;
}

function reasonInInputs(node: Node, flow: Flow, facts: HalfFacts, { wide, stated }: Sources): string | undefined {
  if (CONTROL.has(node.op)) return undefined;
  const ids = node.inputs.flatMap((name) => constantOf(flow, name) ?? []);
  const makers = node.inputs.flatMap((name) => producerOf(flow, name)?.node ?? []);
  if (ids.some((id) => facts.untouched.has(id))) return 'its weight was left out';
  if (startsFloats(node, flow, facts) || makers.some((maker) => stated.has(maker))) {
    if (node.outputs.some((name) => facts.types.get(flow.graph)?.typeOf(name) === 'f32')) stated.add(node);
    return 'the model casts halves to 32-bit floats here';
  }
  if (!ids.some((id) => facts.wide.has(id)) && !makers.some((maker) => wide.has(maker)) && !isWideFill(node, flow)) return undefined;
  if (MOVES.has(node.op) || node.op === 'ConstantOfShape') wide.add(node);
  return 'a constant has values beyond 65504';
}

function startsFloats(node: Node, flow: Flow, { types }: HalfFacts): boolean {
  const scope = types.get(flow.graph);
  return node.op === 'Cast' && scope?.typeOf(node.inputs[0] ?? '') === 'f16' && scope.typeOf(node.outputs[0] ?? '') === 'f32';
}

function isWideFill(node: Node, flow: Flow): boolean {
  const fill = node.attributes.get('value');
  if (node.op !== 'ConstantOfShape' || fill?.kind !== 'tensor' || fill.value.dtype !== 'f32') return false;
  const [value = 0] = decode({ ...fill.value, shape: [1] });
  const range = { min: value, max: value };
  return Number.isFinite(value) && overflows(range, 'f16') && !node.outputs.every((name) => isMask(name, flow, range));
}

/** Whether the node turns floats into integers or wants exact floats by its signature (scales of Resize). */
function isRounding(node: Node, flow: Flow, { types }: HalfFacts): boolean {
  const scope = types.get(flow.graph);
  if (!scope || !isStandard(node)) return false;
  if (node.op === 'Cast') return scope.typeOf(node.inputs[0] ?? '') === 'f32' && /^[iu]\d/.test(scope.typeOf(node.outputs[0] ?? '') ?? '');
  return ['Resize', 'Upsample', 'Range', 'TopK'].includes(node.op);
}

/** Keeps what computes the inputs of `node`, back to the integers it is made of; does nothing for inputs that are made of anything else. */
function keepIntegerChain(node: Node, flow: Flow, facts: HalfFacts, kept: Map<Node, string>): void {
  const chain = new Set<Node>();
  const inputs = node.op === 'Resize' ? node.inputs.slice(1) : node.inputs;
  if (!inputs.every((name) => fromIntegers(name, flow, facts, chain))) return;
  if (chain.size === 0) return;
  if (node.op !== 'Resize') chain.add(node);
  for (const member of chain) if (!kept.has(member)) kept.set(member, 'positions and sizes are exact');
}

/** Whether a value is computed from integers and constants alone. @param chain the nodes on the way; grows */
function fromIntegers(name: string, flow: Flow, facts: HalfFacts, chain: Set<Node>): boolean {
  if (name === '' || constantOf(flow, name) !== undefined) return true;
  const type = facts.types.get(flow.graph)?.typeOf(name);
  if (type !== undefined && type !== 'f32') return true;
  const made = producerOf(flow, name);
  if (!made || type === undefined) return false;
  if (chain.has(made.node)) return true;
  if (chain.size >= MAX_CHAIN) return false;
  if (!ARITHMETIC.has(made.node.op) || !isStandard(made.node)) return false;
  // A table that is looked up holds what was learned, however its rows are chosen.
  if (made.node.op === 'Gather' && constantOf(made.flow, made.node.inputs[0] ?? '') !== undefined) return false;
  chain.add(made.node);
  return made.node.inputs.every((input) => fromIntegers(input, made.flow, facts, chain));
}
