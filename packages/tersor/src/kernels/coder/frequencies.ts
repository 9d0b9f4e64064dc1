import type { ByteWriter } from '../../core/byte-writer.ts';
import { TOTAL } from './coding.ts';

/** A quotient this long announces a plain number of 13 bits. */
const ESCAPE = 20;

/** Frequencies with the sum 4096 that are nearest to the counts; whatever was counted has at least 1, and nothing has all. */
export function normalize(counts: Counts): Uint16Array {
  const frequencies = new Uint16Array(256);
  const total = counts.reduce((sum, count) => sum + count, 0);
  let sum = 0;
  for (let s = 0; s < 256; s++) {
    const count = counts[s]!;
    if (count === 0) continue;
    frequencies[s] = Math.max(1, Math.min(TOTAL - 1, Math.round((count / total) * TOTAL)));
    sum += frequencies[s]!;
  }
  while (sum !== TOTAL) {
    let best = 0;
    for (let s = 1; s < 256; s++) if (frequencies[s]! > frequencies[best]!) best = s;
    const most = Math.max(1, frequencies[best]! >> 4);
    const change = Math.max(-most, Math.min(most, TOTAL - sum, TOTAL - 1 - frequencies[best]!));
    if (change === 0) {
      // a single symbol: its neighbour gets what is left
      frequencies[(best + 1) & 255]! += 1;
      sum += 1;
    } else {
      frequencies[best]! += change;
      sum += change;
    }
  }
  return frequencies;
}

export type Counts = Uint32Array;

/** See `readFrequencies` of the loader. */
export function writeFrequencies(writer: ByteWriter, frequencies: Uint16Array): void {
  const { first, span } = spanOf(frequencies);
  writer.bits(first, 8);
  writer.bits(span - 1, 8);
  let [before, mean] = [0, 64];
  for (let i = 0; i < span - 1; i++) {
    const frequency = frequencies[(first + i) & 255]!;
    const difference = frequency - before;
    const zigzag = difference >= 0 ? difference * 2 : -difference * 2 - 1;
    const shift = shiftOf(mean);
    const quotient = zigzag >> shift;
    if (quotient < ESCAPE) {
      writer.bits(2 ** quotient - 1, quotient + 1);
      writer.bits(zigzag & (2 ** shift - 1), shift);
    } else {
      writer.bits(2 ** ESCAPE - 1, ESCAPE);
      writer.bits(zigzag, 13);
    }
    mean = (mean * 3 + zigzag * 4) >> 2;
    before = frequency;
  }
  writer.align();
}

function shiftOf(mean: number): number {
  return Math.max(0, 31 - Math.clz32(mean >> 2));
}

/** The shortest run of symbols, going on at 0 behind 255, that has everything which is not 0. */
export function spanOf(values: ArrayLike<number>): { first: number; span: number } {
  let [gap, gapEnd, run] = [0, 0, 0];
  for (let i = 0; i < 512; i++) {
    run = values[i & 255] ? 0 : run + 1;
    if (run > gap && run < 256) [gap, gapEnd] = [run, i];
  }
  return { first: (gapEnd + 1) & 255, span: 256 - gap };
}
