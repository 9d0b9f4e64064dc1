import { elementsOf } from '../dtype.ts';
import { makeNode, type Node } from '../graph.ts';
import { type Scalable, vectorWeight } from '../graph-edit/scale-weight.ts';
import type { Model, Weight } from '../model.ts';
import { type Edit, openEdit } from './edit.ts';
import type { Migration } from './find-migrations.ts';
import type { ClipPart, Part } from './port.ts';

/** A migration with the factors of its channels, found when the first weight that takes them is pulled. */
export interface Factored {
  readonly migration: Migration;
  /** `[channels]`, positive. */
  factors(): Promise<Float64Array>;
}

/**
 * The model with factors worked in: it computes the same, up to float rounding. Nothing is loaded. Constants that others use, too, are copied.
 * Expects the model that the migrations were found in.
 */
export function migrate(model: Model, all: readonly Factored[]): Model {
  if (!model.graph || all.length === 0) return model;
  const edit = openEdit(model, model.graph);
  for (const { migration, factors } of all) {
    const { path, clips, inserted, parts, channels } = migration;
    const dtype = dtypeOf(migration, model);
    const vector = (base: string, length: number, behind: number, values: (factors: Float64Array) => Float64Array) =>
      edit.declare(path, base, (id) =>
        alongAxis(
          vectorWeight(id, dtype, length, async () => values(await factors())),
          behind,
        ),
      );
    for (const part of parts) {
      edit.change(path, part, async (values, shape) => scaleAlong(values, shape, part, await factors()));
    }
    for (const clip of clips) {
      const { ids, axes } = clip.lanes;
      const bound = (value: number) =>
        vector(`${clip.node.outputs[0]}_bounds`, ids.length, clip.rank - (axes[0] ?? 0) - 1, (found) =>
          Float64Array.from(ids, (channel) => value / found[channel]!),
        );
      edit.replace(clip.node, clipped(clip, edit, bound));
    }
    const [first] = parts;
    if (!inserted || !first) continue;
    const { value, axis, rank } = inserted;
    const inverse = vector(`${value}_factors`, channels, rank - axis - 1, (found) => found.map((factor) => 1 / factor));
    const output = edit.fresh(`${value}_scaled`);
    edit.before(first.node, [makeNode('Mul', [value, inverse], [output])]);
    for (const { node } of parts) edit.rewire(node, 0, output);
  }
  return edit.close();
}

/** Multiplies elements by the factors of their channels, or divides them. */
export function scaleAlong(
  values: Float64Array | Float32Array,
  shape: readonly number[],
  { axes, ids, power }: Pick<Part, 'axes' | 'ids' | 'power'>,
  factors: Float64Array,
): void {
  const by = Float64Array.from(ids, (channel) => (channel < 0 ? 1 : power === 1 ? factors[channel]! : 1 / factors[channel]!));
  const at = positionAlong(shape, axes);
  for (let i = 0; i < values.length; i++) values[i] = values[i]! * by[at(i)]!;
}

/** Of an element of a weight, its position along some axes, row-major. */
export function positionAlong(shape: readonly number[], axes: readonly number[]): (element: number) => number {
  const strides = axes.map((axis) => elementsOf(shape.slice(axis + 1)));
  const sizes = axes.map((axis) => shape[axis] ?? 1);
  const [stride = 1, size = 1] = [strides[0], sizes[0]];
  if (axes.length === 1) return (element) => Math.floor(element / stride) % size;
  return (element) => axes.reduce((sum, _, i) => sum * sizes[i]! + (Math.floor(element / strides[i]!) % sizes[i]!), 0);
}

/** Relu where the lower bound is zero, Max elsewhere, and Min. */
function clipped({ node, low, high }: ClipPart, { fresh }: Edit, bound: (value: number) => string): Node[] {
  const [value = ''] = node.inputs;
  const [output = ''] = node.outputs;
  const middle = fresh(`${output}_low`);
  const isOpen = low === Number.NEGATIVE_INFINITY;
  const from = isOpen ? value : middle;
  const upper = high === Number.POSITIVE_INFINITY ? makeNode('Identity', [from], [output]) : makeNode('Min', [from, bound(high)], [output]);
  if (isOpen) return [upper];
  return [low === 0 ? makeNode('Relu', [value], [middle]) : makeNode('Max', [value, bound(low)], [middle]), upper];
}

function dtypeOf({ parts }: Migration, { weights }: Model): Scalable {
  const dtype = weights.get(parts[0]?.weight ?? '')?.dtype;
  return dtype === 'f16' || dtype === 'f64' ? dtype : 'f32';
}

/** A vector along an axis with `behind` others after it. */
function alongAxis(weight: Weight, behind: number): Weight {
  const shape = [...weight.shape, ...new Array<number>(behind).fill(1)];
  return { ...weight, shape, load: async () => ({ ...(await weight.load()), shape }) as Awaited<ReturnType<Weight['load']>> };
}
