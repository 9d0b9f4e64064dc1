import { decode, denseOf } from '../decode.ts';
import { elementsOf } from '../dtype.ts';
import { TersorError } from '../error.ts';
import type { Graph, Node, WeightId } from '../graph.ts';
import { withUniqueNames } from '../graph-edit/names.ts';
import { inferTypes, type Types } from '../infer-types.ts';
import type { Context } from '../method.ts';
import { type Model, mapWeights, type Weight, withGraph } from '../model.ts';
import { nearest } from '../nearest.ts';
import { takenNames } from '../taken-names.ts';
import { convertHalf, wantedInputs } from './convert-half.ts';
import { constantOf, eachFlow, type Flow, flowOf } from './flow.ts';
import { isMask } from './masks.ts';
import { bounded, narrow } from './narrow.ts';
import { canBeHalf, type Kept, planHalf } from './plan-half.ts';
import { overflows, type Range, rangeOf } from './ranges.ts';

export interface HalfOptions {
  readonly keepIo: boolean;
  readonly floor: boolean;
  readonly keep: readonly string[];
  /** Weights that stay as they are, and with them their operators. */
  readonly untouched: ReadonlySet<WeightId>;
  /** Weights that are stored as halves even where an operator goes on computing with 32-bit floats. */
  readonly stored: ReadonlySet<WeightId>;
}

/** Weights of up to this many elements are stored in both types when both are wanted; of larger ones the half is cast. */
const TWIN_ELEMENTS = 1024;

/**
 * The model computing with 16-bit floats wherever its operators' types allow it and no constant or known weakness of an operator speaks
 * against it. Reads every weight once. Inputs and outputs keep names, order and, with `keepIo`, types.
 * @throws RULE_UNMATCHED when `keep` names nothing
 */
export async function halfPrecision(model: Model, options: HalfOptions, { kernels, signal, note }: Context): Promise<Model> {
  if (!model.graph) return model;
  const graph = withUniqueNames(model.graph);
  const root = flowOf(graph);
  checkKeep(root, options.keep);
  const types = inferTypes(graph, model.weights);
  const ranges = await rangesOf(model, kernels, signal);
  const { wide, masks } = sortOverflows(root, ranges);
  const kept = planHalf(root, { types, wide, untouched: options.untouched, keep: new Set(options.keep) });
  const half = halfNodes(root, types, kept);
  const { halves, twins } = sortWeights(root, model, { types, half });
  const converted = convertHalf(root, {
    types,
    half,
    kept: new Set(kept.keys()),
    weights: halves,
    twins,
    keepIo: options.keepIo,
    taken: takenNames(graph),
  });
  const change = (weight: Weight): Weight => {
    if (weight.layout.kind !== 'dense') return { ...weight, dtype: 'f16' };
    const isSingle = elementsOf(weight.shape) === 1;
    return narrow(weight, kernels, { type: 'f16', dtype: 'f16', floor: options.floor || isSingle, clamp: masks.has(weight.id) });
  };
  const weights = new Map<WeightId, Weight>();
  for (const weight of model.weights.values()) {
    const isStored = options.stored.has(weight.id) && weight.dtype === 'f32' && weight.layout.kind === 'dense' && !wide.has(weight.id);
    const kept = isStored ? narrow(weight, kernels, { type: 'f16', dtype: 'f32', floor: options.floor, clamp: false }) : weight;
    weights.set(weight.id, halves.has(weight.id) ? change(weight) : kept);
    const twin = twins.get(weight.id);
    if (twin !== undefined) weights.set(twin, { ...change(weight), id: twin });
  }
  report(root, { types, kept, half, ranges, wide, masks, halves, floor: options.floor }, note);
  return withGraph(model, converted, weights);
}

/** @throws RULE_UNMATCHED for a name that no operator, node or value has */
function checkKeep(root: Flow, keep: readonly string[]): void {
  const nodes = [...eachFlow(root)].flatMap(({ graph }) => graph.nodes);
  const known = new Set(nodes.flatMap(({ op, name, outputs }) => [op, name, ...outputs]));
  for (const name of keep) {
    if (known.has(name)) continue;
    const close = nearest(name, known);
    throw new TersorError(
      'RULE_UNMATCHED',
      `keep "${name}"`,
      `no operator or node of the model is called so`,
      close === undefined ? '' : `closest name: "${close}"`,
    );
  }
}

async function rangesOf({ weights }: Model, kernels: Context['kernels'], signal?: AbortSignal): Promise<Map<WeightId, Range>> {
  const ranges = new Map<WeightId, Range>();
  for (const weight of weights.values()) {
    signal?.throwIfAborted();
    if (weight.dtype === 'f32') ranges.set(weight.id, await rangeOf(weight, kernels, 'f16'));
  }
  return ranges;
}

/**
 * The model in 32-bit floats with its masks as `halfPrecision` would bound them, so that what it computes shows what halves would have to hold.
 * Reads every weight once. Expects unique names (`withUniqueNames`).
 */
export async function withBoundedMasks(model: Model, { kernels, signal }: Pick<Context, 'kernels' | 'signal'>): Promise<Model> {
  if (!model.graph) return model;
  const root = flowOf(model.graph);
  const { masks } = sortOverflows(root, await rangesOf(model, kernels, signal));
  return mapWeights(model, (weight) =>
    masks.has(weight.id) && weight.layout.kind === 'dense'
      ? {
          ...weight,
          load: async () =>
            denseOf(
              decode(await weight.load()).map((value) => bounded(value, 'f16', false, true)),
              weight.shape,
            ),
        }
      : undefined,
  );
}

/** Weights with values beyond 65504: those that only mask can be bounded, the others keep their operators in 32-bit floats. */
function sortOverflows(root: Flow, ranges: ReadonlyMap<WeightId, Range>): { wide: Set<WeightId>; masks: Set<WeightId> } {
  const wide = new Set<WeightId>();
  const masks = new Set<WeightId>();
  for (const flow of eachFlow(root)) {
    for (const [name, id] of flow.constants) {
      const range = ranges.get(id);
      if (range && overflows(range, 'f16')) (isMask(name, flow, range) ? masks : wide).add(id);
    }
  }
  for (const id of wide) masks.delete(id);
  return { wide, masks };
}

function halfNodes(root: Flow, types: Types, kept: Kept): Set<Node> {
  const half = new Set<Node>();
  for (const flow of eachFlow(root)) {
    for (const node of flow.graph.nodes) if (!kept.has(node) && canBeHalf(node, flow, types)) half.add(node);
  }
  return half;
}

/** Weights that become halves, and the small ones that are wanted in both types, with the id of the second. */
function sortWeights(
  root: Flow,
  model: Model,
  orders: { types: Types; half: ReadonlySet<Node> },
): { halves: Set<WeightId>; twins: Map<WeightId, WeightId> } {
  const wanted = new Map<WeightId, Set<string>>();
  const want = (id: WeightId | undefined, type: string | undefined) => {
    if (id !== undefined && type !== undefined) wanted.set(id, (wanted.get(id) ?? new Set()).add(type));
  };
  for (const flow of eachFlow(root)) {
    for (const node of flow.graph.nodes) {
      for (const [i, type] of wantedInputs(node, flow, orders).entries()) want(constantOf(flow, node.inputs[i] ?? ''), type);
    }
    for (const { name } of flow.graph.outputs) want(constantOf(flow, name), 'output');
    for (const id of replaceable(flow.graph)) want(id, 'output');
  }
  const halves = new Set<WeightId>();
  const twins = new Map<WeightId, WeightId>();
  for (const [id, types] of wanted) {
    const weight = model.weights.get(id);
    if (weight?.dtype !== 'f32' || weight.layout.kind === 'sparse' || !types.has('f16')) continue;
    const isShared = types.has('output');
    if (types.size === 1 || (!isShared && elementsOf(weight.shape) > TWIN_ELEMENTS)) halves.add(id);
    else if (elementsOf(weight.shape) <= TWIN_ELEMENTS) twins.set(id, `${id}.f16`);
  }
  return { halves, twins };
}

/** Weights that are defaults of inputs. */
function replaceable({ inputs, initializers }: Graph): WeightId[] {
  return inputs.flatMap(({ name }) => initializers.get(name) ?? []);
}

interface Outcome {
  readonly types: Types;
  readonly kept: Kept;
  readonly half: ReadonlySet<Node>;
  readonly ranges: ReadonlyMap<WeightId, Range>;
  readonly wide: ReadonlySet<WeightId>;
  readonly masks: ReadonlySet<WeightId>;
  readonly halves: ReadonlySet<WeightId>;
  readonly floor: boolean;
}

function report(root: Flow, { types, kept, half, ranges, wide, masks, halves, floor }: Outcome, note: Context['note']): void {
  for (const id of wide) note(id, 'stays f32: holds values beyond 65504');
  for (const id of masks) note(id, 'masks with values beyond 65504, which become 65504');
  const reasons = new Map<string, Map<string, number>>();
  for (const flow of eachFlow(root)) {
    for (const node of flow.graph.nodes) {
      const reason = kept.get(node);
      if (reason === undefined || !canBeHalf(node, flow, types)) continue;
      const operators = reasons.get(reason) ?? new Map<string, number>();
      reasons.set(reason, operators.set(node.op, (operators.get(node.op) ?? 0) + 1));
    }
  }
  for (const [reason, operators] of reasons) {
    note('fp16', `stay f32: ${[...operators].map(([op, count]) => `${count} ${op}`).join(', ')}: ${reason}`);
  }
  const vanishing = [...halves].reduce((sum, id) => sum + (ranges.get(id)?.vanishing ?? 0), 0);
  if (vanishing > 0 && !floor) note('fp16', `${vanishing} values are too small for a half and become zero`);
  const open = replaceable(root.graph).length;
  if (open > 0) note('fp16', `${open} weights are defaults of inputs, which could be given other values: they stay f32`);
  if (half.size === 0) note('fp16', 'no operator can compute with halves');
}
