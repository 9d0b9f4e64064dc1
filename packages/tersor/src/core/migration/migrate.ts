import { elementsOf } from '../dtype.ts';
import { type Graph, makeNode, mapGraphs, type Node, type WeightId } from '../graph.ts';
import { freshId } from '../graph-edit/edit-graphs.ts';
import { freshName } from '../graph-edit/names.ts';
import { removeDead } from '../graph-edit/remove-dead.ts';
import { changeWeight, type Scalable, vectorWeight } from '../graph-edit/scale-weight.ts';
import { countUses } from '../graph-edit/uses.ts';
import { type Model, type Weight, withGraph } from '../model.ts';
import { takenNames } from '../taken-names.ts';
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
  const weights = new Map(model.weights);
  const uses = usesOf(model.graph);
  const taken = takenNames(model.graph);
  const rewired = new Map<Node, Map<number, string>>();
  const added = new Map<string, Map<string, WeightId>>();
  const before = new Map<Node, Node[]>();
  const instead = new Map<Node, Node[]>();
  const rewire = (node: Node, input: number, name: string) => rewired.set(node, (rewired.get(node) ?? new Map()).set(input, name));
  const declare = (path: string, base: string, make: (id: WeightId) => Weight): string => {
    const name = freshName(taken, base);
    const id = freshId({ weights, path }, name);
    weights.set(id, make(id));
    added.set(path, (added.get(path) ?? new Map()).set(name, id));
    return name;
  };

  for (const [weight, places] of byWeight(all)) {
    const original = model.weights.get(weight);
    if (!original) continue;
    for (const { node, input, path, scalings } of places) {
      const isOwn = places.length === 1 && uses.get(weight) === 1;
      if (isOwn) weights.set(weight, scaled(original, scalings));
      else
        rewire(
          node,
          input,
          declare(path, node.inputs[input] ?? 'constant', (id) => ({ ...scaled(original, scalings), id })),
        );
    }
  }
  for (const { migration, factors } of all) {
    const { path, clips, inserted, parts, channels } = migration;
    const dtype = dtypeOf(migration, model);
    const vector = (base: string, axis: number, rank: number, values: () => Promise<Float64Array>) =>
      declare(path, base, (id) => alongAxis(vectorWeight(id, dtype, channels, values), rank - axis - 1));
    for (const clip of clips) {
      const { ids, axes } = clip.lanes;
      const bound = (value: number) =>
        declare(path, `${clip.node.outputs[0]}_bounds`, (id) => {
          const values = async () => {
            const found = await factors();
            return Float64Array.from(ids, (channel) => value / found[channel]!);
          };
          return alongAxis(vectorWeight(id, dtype, ids.length, values), clip.rank - (axes[0] ?? 0) - 1);
        });
      instead.set(clip.node, clipped(clip, taken, bound));
    }
    if (!inserted) continue;
    const { value, axis, rank } = inserted;
    const inverse = vector(`${value}_factors`, axis, rank, async () => (await factors()).map((factor) => 1 / factor));
    const output = freshName(taken, `${value}_scaled`);
    const [first] = parts;
    if (first) before.set(first.node, [...(before.get(first.node) ?? []), makeNode('Mul', [value, inverse], [output])]);
    for (const { node } of parts) rewire(node, 0, output);
  }
  const graph = mapGraphs(model.graph, (inner, path) => {
    const nodes = inner.nodes.flatMap((node) => {
      const inputs = rewired.get(node);
      const own = instead.get(node) ?? [inputs ? { ...node, inputs: node.inputs.map((name, i) => inputs.get(i) ?? name) } : node];
      return [...(before.get(node) ?? []), ...own];
    });
    return { ...inner, nodes, initializers: new Map([...inner.initializers, ...(added.get(path) ?? [])]) };
  });
  return withGraph(model, removeDead(graph), weights);
}

interface Scaling {
  readonly part: Part;
  factors(): Promise<Float64Array>;
}

interface Place extends Pick<Part, 'node' | 'input'> {
  readonly path: string;
  readonly scalings: Scaling[];
}

/** What happens to each weight, place by place where operators name it. */
function byWeight(all: readonly Factored[]): Map<WeightId, Place[]> {
  const found = new Map<WeightId, Place[]>();
  for (const { migration, factors } of all) {
    for (const part of migration.parts) {
      const places = found.get(part.weight) ?? [];
      found.set(part.weight, places);
      const known = places.find(({ node, input }) => node === part.node && input === part.input);
      if (known) known.scalings.push({ part, factors });
      else places.push({ node: part.node, input: part.input, path: migration.path, scalings: [{ part, factors }] });
    }
  }
  return found;
}

function scaled(weight: Weight, scalings: readonly Scaling[]): Weight {
  return changeWeight(weight, async (values) => {
    for (const { part, factors } of scalings) scaleAlong(values, weight.shape, part, await factors());
  });
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
function clipped({ node, low, high }: ClipPart, taken: Map<string, number>, bound: (value: number) => string): Node[] {
  const [value = ''] = node.inputs;
  const [output = ''] = node.outputs;
  const middle = freshName(taken, `${output}_low`);
  const isOpen = low === Number.NEGATIVE_INFINITY;
  const from = isOpen ? value : middle;
  const upper = high === Number.POSITIVE_INFINITY ? makeNode('Identity', [from], [output]) : makeNode('Min', [from, bound(high)], [output]);
  if (isOpen) return [upper];
  return [low === 0 ? makeNode('Relu', [value], [middle]) : makeNode('Max', [value, bound(low)], [middle]), upper];
}

function usesOf(graph: Graph): Map<WeightId, number> {
  const mentions = countUses(graph);
  const uses = new Map<WeightId, number>();
  const visit = ({ initializers, nodes }: Graph) => {
    for (const [name, id] of initializers) uses.set(id, (uses.get(id) ?? 0) + (mentions.get(name) ?? 0));
    for (const node of nodes) for (const body of node.graphs.values()) visit(body);
  };
  visit(graph);
  return uses;
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
