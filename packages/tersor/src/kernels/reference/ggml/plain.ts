import { PLAIN } from '../../../core/blocks/plain.ts';
import type { BlockRounding } from '../../../core/kernels.ts';
import { codeOf, eachBlock, extremeOf, partsOf, putHalf, putNibbles, roundAway } from './arithmetic.ts';
import { bestLine, bestScale, CUTS } from './best-scale.ts';
import { fitAroundZero } from './fit-around-zero.ts';
import { fitMinimum, weightedTries } from './fit-minimum.ts';
import { asHalf, inverseOf, wholeLevels } from './refine.ts';
import { importanceOf, meanSquare, towardsLarge } from './weights.ts';

const { fround } = Math;

/** The largest magnitude is 127. Source: quantize_row_q8_0_ref, which importances do not change */
export function quantizeQ8_0(values: Float32Array, { search, importance }: BlockRounding = {}): Uint8Array {
  const levels = wholeLevels(-127, 127);
  return eachBlock(values, PLAIN.Q8_0, importance, (block, out, counts) => {
    const plain = fround(Math.abs(extremeOf(block)) / 127);
    const isBest = search === 'best';
    const { best: scale, written } = isBest
      ? bestScale([{ values: block, weights: importanceOf(block, counts) }], extremeOf(block), asHalf(plain), levels, [127], CUTS[8])
      : { best: plain, written: plain };
    putHalf(out, 0, written);
    const inverse = inverseOf(scale);
    block.forEach((value, i) => {
      const step = fround(value * inverse);
      out[2 + i] = isBest ? levels(step) : roundAway(step);
    });
  });
}

/** Sixteen levels around zero. Source: quantize_row_q4_0_ref, quantize_row_q4_0_impl */
export function quantizeQ4_0(values: Float32Array, how: BlockRounding = {}): Uint8Array {
  return aroundZero(values, PLAIN.Q4_0, 8, how, (out, codes) => putNibbles(out, 2, codes));
}

/** 32 levels around zero. Source: quantize_row_q5_0_ref, quantize_row_q5_0_impl */
export function quantizeQ5_0(values: Float32Array, how: BlockRounding = {}): Uint8Array {
  return aroundZero(values, PLAIN.Q5_0, 16, how, (out, codes) => putFiveBits(out, 2, codes));
}

/** Sixteen levels from a minimum on. Source: quantize_row_q4_1_ref, quantize_row_q4_1_impl */
export function quantizeQ4_1(values: Float32Array, how: BlockRounding = {}): Uint8Array {
  return fromMinimum(values, PLAIN.Q4_1, 15, how, (out, codes) => putNibbles(out, 4, codes));
}

/** 32 levels from a minimum on. Source: quantize_row_q5_1_ref, quantize_row_q5_1_impl */
export function quantizeQ5_1(values: Float32Array, how: BlockRounding = {}): Uint8Array {
  return fromMinimum(values, PLAIN.Q5_1, 31, how, (out, codes) => putFiveBits(out, 4, codes));
}

interface Size {
  readonly values: number;
  readonly bytes: number;
}

type Put = (out: Uint8Array, codes: Uint8Array) => void;

/** Twice 8 or 16 levels: scale and codes. */
function aroundZero(values: Float32Array, size: Size, half: number, { search, importance }: BlockRounding, put: Put): Uint8Array {
  const squares = rowSquares(values, importance);
  const levels = wholeLevels(-half, half - 1);
  return eachBlock(values, size, importance, (block, out, counts, row) => {
    const found = counts
      ? fitAroundZero(block, towardsLarge(block, counts, squares[row]!), half)
      : { scale: fround(extremeOf(block) / -half), codes: undefined };
    if (search !== 'best') {
      putHalf(out, 0, found.scale);
      put(out, found.codes ?? signedCodes(block, found.scale, half * 2));
      return;
    }
    const part = { values: block, weights: importanceOf(block, counts) };
    const { best: scale, written } = bestScale(
      [part],
      extremeOf(block),
      asHalf(found.scale),
      levels,
      [-half, half - 1],
      CUTS[half === 8 ? 4 : 5],
    );
    putHalf(out, 0, written);
    const inverse = inverseOf(scale);
    put(
      out,
      Uint8Array.from(block, (value) => levels(fround(value * inverse)) + half),
    );
  });
}

/** Scale, minimum and codes from 0 to `most`. */
function fromMinimum(values: Float32Array, size: Size, most: number, { search, importance }: BlockRounding, put: Put): Uint8Array {
  const squares = rowSquares(values, importance);
  return eachBlock(values, size, importance, (block, out, counts, row) => {
    const found = counts
      ? lineOf(fitMinimum(block, towardsLarge(block, counts, squares[row]!), weightedTries(most)))
      : { ...rangeOf(block, most), codes: undefined };
    if (search !== 'best') {
      putHalf(out, 0, found.scale);
      putHalf(out, 2, found.minimum);
      put(out, found.codes ?? codesFromMinimum(block, found, most));
      return;
    }
    const part = { values: block, weights: importanceOf(block, counts) };
    const start = { scale: asHalf(found.scale), minimum: asHalf(found.minimum) };
    const { best, written } = bestLine(part, start, wholeLevels(0, most), most, CUTS[most === 15 ? 4 : 5]);
    putHalf(out, 0, written.scale);
    putHalf(out, 2, written.minimum);
    const { scale, minimum } = best;
    const inverse = inverseOf(scale);
    put(
      out,
      Uint8Array.from(block, (value) => codeOf(fround(fround(value - minimum) * inverse), 0, most)),
    );
  });
}

function lineOf({ scale, minimum, codes }: ReturnType<typeof fitMinimum>) {
  return { scale, minimum: -minimum, codes };
}

/** Mean squares of rows, where importances say how long rows are. */
function rowSquares(values: Float32Array, importance: Float32Array | undefined): number[] {
  return importance ? partsOf(values, importance.length).map((row) => meanSquare(row)) : [];
}

/** Zero is the middle of the codes, cut after half a step has been added. */
function signedCodes(part: Float32Array, scale: number, levels: number): Uint8Array {
  const inverse = inverseOf(scale);
  return Uint8Array.from(part, (value) => Math.min(levels - 1, Math.trunc(fround(fround(value * inverse) + levels / 2 + 0.5))));
}

/** From the smallest to the largest value. */
function rangeOf(part: Float32Array, most: number) {
  // the first of equal zeros, whatever its sign: not Math.min
  let [minimum, maximum] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of part) {
    if (value < minimum) minimum = value;
    if (value > maximum) maximum = value;
  }
  return { scale: fround(fround(maximum - minimum) / most), minimum };
}

function codesFromMinimum(part: Float32Array, { scale, minimum }: ReturnType<typeof rangeOf>, most: number): Uint8Array {
  const inverse = inverseOf(scale);
  return Uint8Array.from(part, (value) => Math.min(most, Math.trunc(fround(fround(fround(value - minimum) * inverse) + 0.5))));
}

/** The fifth bits first. */
function putFiveBits(out: Uint8Array, at: number, codes: Uint8Array): void {
  codes.forEach((code, i) => {
    out[at + (i >> 3)]! |= (code >> 4) << (i & 7);
  });
  putNibbles(out, at + 4, codes);
}
