import { type Attribute, eachGraph, type Graph, type Node } from '../core/graph.ts';
import { readBy } from '../core/graph-edit/uses.ts';
import type { Model } from '../core/model.ts';

/** Neighbouring nodes of the main graph that are computed together. */
export interface Block {
  /** Position of the first node, and of the one behind the last. */
  readonly from: number;
  readonly to: number;
  /** What it reads that was fed or computed before it. */
  readonly inputs: readonly string[];
  /** What it computes that is read behind it, or is an output of the model. */
  readonly outputs: readonly string[];
  /** Blocks of one kind do the same with other weights. Absent: what stands between repetitions. */
  readonly kind?: number;
}

/** A stretch of nodes that is `count` times the same `period`. */
interface Run {
  readonly from: number;
  readonly period: number;
  readonly count: number;
}

/** Larger graphs take too long to search, in which nothing is known to repeat. */
const MAX_NODES = 20_000;

/**
 * The main graph as blocks, in order: layers of a transformer, repeated stages of a convolutional network, and what stands before, between and behind
 * them. What repeats is found by operators, attributes, shapes of weights and connections; exporters write nodes layer by layer. Where a repetition may
 * begin anywhere, it is cut where the fewest values go from one block to the next.
 */
export function findBlocks({ graph, weights }: Model): Block[] {
  if (!graph || graph.nodes.length === 0) return [];
  const flow = flowOf(graph);
  const signatures = numbered(graph.nodes.map((node) => signatureOf(node, graph, weights)));
  const hasWeight = graph.nodes.map((node) =>
    node.inputs.some((name) => (weights.get(graph.initializers.get(name) ?? '')?.shape.length ?? 0) > 1),
  );
  const runs = graph.nodes.length > MAX_NODES ? [] : runsIn(signatures, hasWeight, flow, 0, graph.nodes.length);
  const blocks: Block[] = [];
  let at = 0;
  for (const [kind, { from, period, count }] of runs.entries()) {
    if (from > at) blocks.push(blockOf(flow, at, from));
    for (let i = 0; i < count; i++) blocks.push({ ...blockOf(flow, from + i * period, from + (i + 1) * period), kind });
    at = from + count * period;
  }
  if (at < graph.nodes.length) blocks.push(blockOf(flow, at, graph.nodes.length));
  return blocks;
}

/** Who makes and reads what in a graph, by position. */
interface Flow {
  readonly nodes: readonly Node[];
  /** Constants are made by nobody, what is fed by position -1. */
  readonly makers: ReadonlyMap<string, number>;
  /** The position of the last reader; behind the end for outputs of the model. */
  readonly lastReaders: ReadonlyMap<string, number>;
  readonly reads: readonly (readonly string[])[];
}

function flowOf({ nodes, inputs, outputs, initializers }: Graph): Flow {
  const makers = new Map(inputs.filter(({ name }) => !initializers.has(name)).map(({ name }) => [name, -1]));
  for (const [position, node] of nodes.entries()) for (const name of node.outputs) if (name !== '') makers.set(name, position);
  const reads = nodes.map((node) => [...new Set(readBy(node))].filter((name) => makers.has(name)));
  const lastReaders = new Map<string, number>();
  for (const [position, names] of reads.entries()) for (const name of names) lastReaders.set(name, position);
  for (const { name } of outputs) lastReaders.set(name, nodes.length);
  return { nodes, makers, lastReaders, reads };
}

function blockOf({ nodes, makers, lastReaders, reads }: Flow, from: number, to: number): Block {
  const inputs = new Set(
    reads
      .slice(from, to)
      .flat()
      .filter((name) => (makers.get(name) ?? 0) < from),
  );
  const made = nodes.slice(from, to).flatMap(({ outputs }) => outputs.filter((name) => name !== ''));
  return { from, to, inputs: [...inputs], outputs: made.filter((name) => (lastReaders.get(name) ?? 0) >= to) };
}

/** What a node does, whatever its values are called. */
function signatureOf(node: Node, graph: Graph, weights: Model['weights']): string {
  const inputs = node.inputs.map((name) => (name === '' ? '' : (weights.get(graph.initializers.get(name) ?? '')?.shape.join('x') ?? '*')));
  const attributes = [...node.attributes].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => `${name}=${textOf(value)}`);
  const bodies = [...node.graphs].map(([name, body]) => [name, [...eachGraph(body)].map((each) => each.graph.nodes.map(({ op }) => op))]);
  return JSON.stringify([node.domain, node.op, inputs, node.outputs.map((name) => name !== ''), attributes, bodies]);
}

function textOf({ kind, value }: Attribute): string {
  return kind === 'tensor' ? `tensor ${value.dtype} ${value.shape}` : `${kind} ${String(value)}`;
}

function numbered(texts: readonly string[]): number[] {
  const numbers = new Map<string, number>();
  return texts.map((text) => {
    const number = numbers.get(text) ?? numbers.size;
    numbers.set(text, number);
    return number;
  });
}

/** The longest repetition between two positions, and those before and behind it, in order. */
function runsIn(signatures: readonly number[], hasWeight: readonly boolean[], flow: Flow, from: number, to: number): Run[] {
  let best: Run | undefined;
  for (let period = 1; period <= (to - from) / 2; period++) {
    for (let start = from; start + 2 * period <= to; ) {
      let same = 0;
      while (start + same + period < to && signatures[start + same] === signatures[start + same + period]) same++;
      const length = Math.floor((same + period) / period) * period;
      if (same >= period && length > (best ? best.count * best.period : 0)) {
        best = aligned(flow, hasWeight, { from: start, to: start + same + period, period }, best) ?? best;
      }
      start += same + 1;
    }
  }
  if (!best) return [];
  const { from: start, period, count } = best;
  return [...runsIn(signatures, hasWeight, flow, from, start), best, ...runsIn(signatures, hasWeight, flow, start + count * period, to)];
}

/** The repetition as blocks that are really alike, begun where the fewest values go from each to the next; undefined where none is better than `best`. */
function aligned(
  flow: Flow,
  hasWeight: readonly boolean[],
  { from, to, period }: { readonly from: number; readonly to: number; readonly period: number },
  best: Run | undefined,
): Run | undefined {
  const starts = Array.from({ length: Math.min(period, to - from - 2 * period + 1) }, (_, i) => from + i);
  const ranked = starts
    .map((start) => ({ start, width: widthAt(flow, start + period, start), count: Math.floor((to - start) / period) }))
    .sort((a, b) => a.width - b.width || b.count - a.count || a.start - b.start);
  for (const { start, count } of ranked) {
    const alike = countAlike(flow, start, period, count);
    const isBetter = alike * period > (best ? best.count * best.period : 0);
    if (alike >= 2 && isBetter && hasWeight.slice(start, start + period).includes(true)) return { from: start, period, count: alike };
  }
  return undefined;
}

/** Values that go over a border, but for those that were there before `since`. */
function widthAt({ nodes, lastReaders }: Flow, border: number, since: number): number {
  let width = 0;
  for (const { outputs } of nodes.slice(since, border)) for (const name of outputs) if ((lastReaders.get(name) ?? -1) >= border) width++;
  return width;
}

/** How many of the stretches are connected like the first, and each to the one before it. */
function countAlike(flow: Flow, start: number, period: number, count: number): number {
  for (let i = 1; i < count; i++) {
    const at = start + i * period;
    if (!isConnectedAlike(flow, start, at, period) || !readsFrom(flow, at, at + period, at - period)) return i;
  }
  return count;
}

function readsFrom({ makers, reads }: Flow, from: number, to: number, since: number): boolean {
  return reads
    .slice(from, to)
    .some((names) => names.some((name) => (makers.get(name) ?? from) < from && (makers.get(name) ?? from) >= since));
}

function isConnectedAlike({ nodes, makers }: Flow, first: number, other: number, period: number): boolean {
  for (let i = 0; i < period; i++) {
    const [a, b] = [nodes[first + i]!, nodes[other + i]!];
    for (const [position, name] of a.inputs.entries()) {
      const [from, to] = [makers.get(name), makers.get(b.inputs[position] ?? '')];
      if ((from === undefined) !== (to === undefined)) return false;
      if (from === undefined || to === undefined) continue;
      // inside of the block at the same place; from outside wherever it comes from
      if (from >= first ? from - first !== to - other : to >= other) return false;
    }
  }
  return true;
}
