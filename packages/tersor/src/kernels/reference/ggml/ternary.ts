import { TERNARY, TERNARY_RUNS } from '../../../core/blocks/ternary.ts';
import { eachBlock, extremeOf, putHalf, putTwoBits, roundAway } from './arithmetic.ts';

const { fround } = Math;

/** Source: quantize_row_tq1_0_ref */
export function quantizeTQ1_0(values: Float32Array): Uint8Array {
  return eachBlock(values, TERNARY.TQ1_0, (block, out) => {
    const digits = digitsOf(block, out, 52);
    let first = 0;
    for (const [at, length, count] of TERNARY_RUNS) {
      for (let i = 0; i < length; i++) {
        let number = 0;
        for (let digit = 0; digit < 5; digit++) number = number * 3 + (digit < count ? digits[first + digit * length + i]! : 0);
        // as a fraction of 256, rounded up so that its digits come out again
        out[at + i] = Math.ceil((number * 256) / 243);
      }
      first += length * count;
    }
  });
}

/** Source: quantize_row_tq2_0_ref */
export function quantizeTQ2_0(values: Float32Array): Uint8Array {
  return eachBlock(values, TERNARY.TQ2_0, (block, out) => {
    putTwoBits(out, 0, digitsOf(block, out, 64));
  });
}

/** 0, 1 or 2 for every value; writes the scale, which is the largest magnitude. */
function digitsOf(block: Float32Array, out: Uint8Array, scaleAt: number): Uint8Array {
  const peak = Math.abs(extremeOf(block));
  putHalf(out, scaleAt, peak);
  const inverse = peak === 0 ? 0 : fround(1 / peak);
  return Uint8Array.from(block, (value) => roundAway(fround(value * inverse)) + 1);
}
