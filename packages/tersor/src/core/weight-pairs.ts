import type { Weight } from './model.ts';
import { rowPieces } from './rows.ts';
import type { Tensor } from './tensor.ts';

/** The same part of two weights. */
export type Pair = readonly [a: Tensor, b: Tensor];

/**
 * Two weights of one shape, to be looked at together as often as need be: piece by piece where both are to be had so, otherwise whole, and then they are
 * loaded at once and stay in memory.
 */
export async function weightPairs(a: Weight, b: Weight, most?: number): Promise<readonly (() => Promise<Pair>)[]> {
  const [pieces, others] = [rowPieces(a, most), rowPieces(b, most)];
  if (pieces.length > 1 && pieces.length === others.length) {
    return pieces.map((piece, i) => async () => [await piece.load(), await (others[i] ?? b).load()] as const);
  }
  const pair = [await a.load(), await b.load()] as const;
  return [async () => pair];
}
