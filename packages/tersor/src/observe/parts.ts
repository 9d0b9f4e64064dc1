import { type DType, elementsOf, type Shape } from '../core/dtype.ts';
import type { Graph } from '../core/graph.ts';
import { readBy } from '../core/graph-edit/uses.ts';
import { inferTypes } from '../core/infer-types.ts';
import type { Model } from '../core/model.ts';
import { partModel } from './block-model.ts';

/** What runtimes take and give as they are. */
const HANDED_OVER = new Set<DType | 'string'>([
  'f32',
  'f64',
  'f16',
  'i8',
  'i16',
  'i32',
  'i64',
  'u8',
  'u16',
  'u32',
  'u64',
  'bool',
  'string',
]);

/**
 * A model that is watched as parts that run one after the other, each fed by those before it, where its outputs would take too much memory together. It is
 * cut where the fewest values go over.
 * @param own  the graph as it was before nodes were added at its end
 * @param shapes  of the outputs, as far as they are known
 * @param most  elements of outputs that a part may have, unless a single node gives more
 */
export function inParts(model: Model, own: Graph, shapes: ReadonlyMap<string, Shape>, most: number): Model[] {
  const { graph } = model;
  const total = [...shapes.values()].reduce((sum, shape) => sum + elementsOf(shape), 0);
  if (!graph || total <= most) return [model];
  const flow = flowOf(graph, own);
  const borders = bordersOf(flow, widthsOf(flow, model, graph), leavingOf(flow, shapes), most);
  return borders.map((from, i) => partModel(model, graph, partOf(graph, flow, from, borders[i + 1] ?? flow.length)));
}

/** Where values are made and read last, by positions among the graph's own nodes. Nodes that were added stand where what they read has been made. */
interface Flow {
  readonly length: number;
  /** Of each node; constants are nowhere. */
  readonly positions: readonly (number | undefined)[];
  /** What is fed is made at -1. */
  readonly made: ReadonlyMap<string, number>;
  readonly read: ReadonlyMap<string, number>;
}

function flowOf({ nodes, inputs, initializers }: Graph, own: Graph): Flow {
  const names = new Set(own.nodes.flatMap(({ outputs }) => outputs));
  const made = new Map(inputs.filter(({ name }) => !initializers.has(name)).map(({ name }) => [name, -1]));
  const read = new Map<string, number>();
  let length = 0;
  const positions = nodes.map((node) => {
    if (node.op === 'Constant') return undefined;
    const reads = [...readBy(node)].filter((name) => made.has(name));
    const isOwn = node.outputs.some((name) => name !== '' && names.has(name));
    const position = isOwn ? length++ : Math.max(0, ...reads.map((name) => made.get(name) ?? 0));
    for (const name of reads) read.set(name, Math.max(position, read.get(name) ?? 0));
    for (const name of node.outputs) if (name !== '') made.set(name, position);
    return position;
  });
  return { length, positions, made, read };
}

/** How many values go over the border before each position; infinity where one of them cannot be handed over. */
function widthsOf({ length, made, read }: Flow, { weights }: Model, graph: Graph): number[] {
  const types = inferTypes(graph, weights).get(graph);
  const widths = new Array<number>(length).fill(0);
  for (const [name, from] of made) {
    if (from < 0) continue;
    const type = types?.typeOf(name);
    const width = type !== undefined && HANDED_OVER.has(type) ? 1 : Number.POSITIVE_INFINITY;
    for (let position = from + 1; position <= (read.get(name) ?? -1); position++) widths[position]! += width;
  }
  return widths;
}

/** Elements that leave before each position. */
function leavingOf({ length, made }: Flow, shapes: ReadonlyMap<string, Shape>): number[] {
  const leaving = new Array<number>(length + 1).fill(0);
  for (const [name, shape] of shapes) leaving[Math.max(0, made.get(name) ?? 0) + 1]! += elementsOf(shape);
  for (let position = 1; position <= length; position++) leaving[position]! += leaving[position - 1]!;
  return leaving;
}

/** Positions where parts begin: of the places where a part is at least half as large as it may be, the narrowest. */
function bordersOf({ length }: Flow, widths: readonly number[], leaving: readonly number[], most: number): number[] {
  const borders = [0];
  for (let from = 0; leaving[length]! - leaving[from]! > most; ) {
    let to = from + 1;
    while (to + 1 < length && leaving[to + 1]! - leaving[from]! <= most) to++;
    let best = to;
    for (let position = to; position > from && 2 * (leaving[position]! - leaving[from]!) >= leaving[to]! - leaving[from]!; position--) {
      if (widths[position]! < widths[best]!) best = position;
    }
    if (widths[best]! < Number.POSITIVE_INFINITY) borders.push(best);
    from = best;
    if (to + 1 >= length) break;
  }
  return borders;
}

function partOf({ nodes, outputs }: Graph, { positions, made, read }: Flow, from: number, to: number) {
  const inside = nodes.filter((_, i) => (positions[i] ?? -1) >= from && (positions[i] ?? to) < to);
  const reads = new Set(inside.flatMap((node) => [...readBy(node)]));
  const constants = nodes.filter((node, i) => positions[i] === undefined && node.outputs.some((name) => reads.has(name)));
  const wanted = new Set(outputs.map(({ name }) => name));
  const isOutside = (name: string) => (made.get(name) ?? from) < from;
  const gives = (name: string) => name !== '' && (wanted.has(name) || (read.get(name) ?? -1) >= to);
  return {
    nodes: [...constants, ...inside],
    inputs: [...reads].filter(isOutside),
    outputs: inside.flatMap((node) => node.outputs.filter(gives)),
  };
}
