import type { Node } from '../graph.ts';
import { constantOf, type Flow, producerOf, readersOf } from './flow.ts';
import { MOVES } from './keep.ts';

/** Operators through which squares stay about as large as they are. */
const THROUGH = new Set([
  'Add',
  'Sub',
  'Sum',
  'Clip',
  'Max',
  'Min',
  'MatMul',
  'ReduceMean',
  'ReduceSum',
  'AveragePool',
  'GlobalAveragePool',
  ...MOVES,
]);

/** Operators that bring squares back to the size of what was squared. */
const ENDS = new Set(['Sqrt', 'Log', 'Reciprocal']);

/** Operators that make a spectrum: their sums are large before they are squared. */
const LINEAR = new Set(['Conv', 'MatMul', 'Gemm']);

const REASON = 'squares pass 65504 from 256 on';

/** Longest way from a square to its root that is followed. */
const MAX_NODES = 64;

export function isSquare({ op, inputs: [x, y] }: Node, flow: Flow): boolean {
  return (op === 'Mul' && x === y) || (op === 'Pow' && constantOf(flow, y ?? '') !== undefined);
}

/**
 * Keeps squares and all that follows up to the root, logarithm or quotient that ends them, when all of it leads there: norms, variances,
 * power spectra. Of a spectrum, the transform before it is kept as well.
 */
export function keepSquares(square: Node, flow: Flow, kept: Map<Node, string>): void {
  const chain = new Set<Node>([square]);
  if (!followSquares(square, flow, chain)) return;
  for (const node of chain) if (!kept.has(node)) kept.set(node, REASON);
  const isStatistic = [...chain].some(({ op }) => op === 'ReduceMean');
  if (!isStatistic) keepTransform(square.inputs[0] ?? '', flow, kept);
}

/** Whether every way from `node` ends the squares. @param chain what lies on the ways, the end included; grows */
function followSquares(node: Node, flow: Flow, chain: Set<Node>): boolean {
  return node.outputs.every((name) => {
    const readers = readersOf(flow, name);
    if (readers.length === 0) return false;
    return readers.every(({ node: reader, input, flow: at }) => {
      if (chain.has(reader)) return true;
      const isEnd = ENDS.has(reader.op) || (reader.op === 'Div' && input === 1);
      if (!isEnd && (!THROUGH.has(reader.op) || chain.size >= MAX_NODES)) return false;
      chain.add(reader);
      if (isEnd) keepQuotient(reader, at, chain);
      return isEnd || followSquares(reader, at, chain);
    });
  });
}

/** The division by a root belongs to it: runtimes recognise the normalisation as a whole, with Casts around. */
function keepQuotient(end: Node, flow: Flow, chain: Set<Node>): void {
  if (end.op !== 'Sqrt') return;
  for (const { node } of readersOf(flow, end.outputs[0] ?? '')) if (node.op === 'Div' || node.op === 'Reciprocal') chain.add(node);
}

function keepTransform(name: string, flow: Flow, kept: Map<Node, string>): void {
  const made = producerOf(flow, name);
  if (!made) return;
  const { node, flow: at } = made;
  const isTransform = LINEAR.has(node.op) && node.inputs.slice(1).every((input) => constantOf(at, input) !== undefined);
  if (!isTransform && !MOVES.has(node.op)) return;
  if (!kept.has(node)) kept.set(node, 'sums that are squared next pass 65504');
  if (!isTransform) keepTransform(node.inputs[0] ?? '', at, kept);
}
