import { PLAIN } from '../../../core/blocks/plain.ts';
import { eachBlock, extremeOf, putHalf, putNibbles, roundAway } from './arithmetic.ts';

const { fround } = Math;

/** The largest magnitude is 127. Source: quantize_row_q8_0_ref */
export function quantizeQ8_0(values: Float32Array): Uint8Array {
  return eachBlock(values, PLAIN.Q8_0, (part, out) => {
    const scale = fround(Math.abs(extremeOf(part)) / 127);
    putHalf(out, 0, scale);
    const inverse = inverseOf(scale);
    part.forEach((value, i) => {
      out[2 + i] = roundAway(fround(value * inverse));
    });
  });
}

/** The first value of largest magnitude is code 0. Source: quantize_row_q4_0_ref */
export function quantizeQ4_0(values: Float32Array): Uint8Array {
  return eachBlock(values, PLAIN.Q4_0, (part, out) => {
    // An all-zero block's scale is minus zero in ggml, which the division gives too.
    const scale = fround(extremeOf(part) / -8);
    putHalf(out, 0, scale);
    putNibbles(out, 2, signedCodes(part, scale, 16));
  });
}

/** As Q4_0. Source: quantize_row_q5_0_ref */
export function quantizeQ5_0(values: Float32Array): Uint8Array {
  return eachBlock(values, PLAIN.Q5_0, (part, out) => {
    const scale = fround(extremeOf(part) / -16);
    putHalf(out, 0, scale);
    putFiveBits(out, 2, signedCodes(part, scale, 32));
  });
}

/** From the smallest to the largest value. Source: quantize_row_q4_1_ref */
export function quantizeQ4_1(values: Float32Array): Uint8Array {
  return eachBlock(values, PLAIN.Q4_1, (part, out) => {
    putNibbles(out, 4, codesFromMinimum(part, out, 15));
  });
}

/** As Q4_1. Source: quantize_row_q5_1_ref */
export function quantizeQ5_1(values: Float32Array): Uint8Array {
  return eachBlock(values, PLAIN.Q5_1, (part, out) => {
    putFiveBits(out, 4, codesFromMinimum(part, out, 31));
  });
}

/** Zero is the middle of the codes, cut after half a step has been added. */
function signedCodes(part: Float32Array, scale: number, levels: number): Uint8Array {
  const inverse = inverseOf(scale);
  return Uint8Array.from(part, (value) => Math.min(levels - 1, Math.trunc(fround(fround(value * inverse) + levels / 2 + 0.5))));
}

/** Writes scale and minimum. */
function codesFromMinimum(part: Float32Array, out: Uint8Array, most: number): Uint8Array {
  // the first of equal zeros, whatever its sign: not Math.min
  let [minimum, maximum] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of part) {
    if (value < minimum) minimum = value;
    if (value > maximum) maximum = value;
  }
  const scale = fround(fround(maximum - minimum) / most);
  putHalf(out, 0, scale);
  putHalf(out, 2, minimum);
  const inverse = inverseOf(scale);
  return Uint8Array.from(part, (value) => Math.min(most, Math.trunc(fround(fround(fround(value - minimum) * inverse) + 0.5))));
}

function inverseOf(scale: number): number {
  return scale === 0 ? 0 : fround(1 / scale);
}

/** The fifth bits first. */
function putFiveBits(out: Uint8Array, at: number, codes: Uint8Array): void {
  codes.forEach((code, i) => {
    out[at + (i >> 3)]! |= (code >> 4) << (i & 7);
  });
  putNibbles(out, at + 4, codes);
}
