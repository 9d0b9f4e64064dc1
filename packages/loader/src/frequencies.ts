import type { Cursor } from './cursor.ts';
import { corrupt } from './error.ts';

/** What the frequencies of a distribution add up to. */
const TOTAL = 4096;

/** A quotient this long announces a plain number of 13 bits. */
const ESCAPE = 20;

/**
 * Frequencies of 256 symbols, with the sum 4096, each below it: a run of symbols that may go on at 0 behind 255, of each the difference to the one before in an
 * adaptive Rice code, and of the last nothing, for the sum is known.
 */
export function readFrequencies(cursor: Cursor): Uint16Array {
  const first = cursor.bits(8);
  const span = cursor.bits(8) + 1;
  const frequencies = new Uint16Array(256);
  let [sum, before, mean] = [0, 0, 64];
  for (let i = 0; i < span - 1; i++) {
    const shift = shiftOf(mean);
    let quotient = 0;
    while (quotient < ESCAPE && cursor.bits(1) === 1) quotient++;
    const zigzag = quotient === ESCAPE ? cursor.bits(13) : quotient * 2 ** shift + cursor.bits(shift);
    before += zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
    mean = (mean * 3 + zigzag * 4) >> 2;
    sum += before;
    if (before < 0 || sum >= TOTAL) throw corrupt();
    frequencies[(first + i) & 255] = before;
  }
  if (sum === 0) throw corrupt();
  frequencies[(first + span - 1) & 255] = TOTAL - sum;
  cursor.align();
  return frequencies;
}

/** Of the Rice code, from a running mean of what it coded, in quarters. */
function shiftOf(mean: number): number {
  return Math.max(0, 31 - Math.clz32(mean >> 2));
}
