import { TERNARY, TERNARY_RUNS } from '../../../core/blocks/ternary.ts';
import type { BlockRounding } from '../../../core/kernels.ts';
import { eachBlock, extremeOf, putHalf, putTwoBits, roundAway } from './arithmetic.ts';
import { bestScale, type Cuts, inLanes } from './best-scale.ts';
import { asHalf, inverseOf, wholeLevels } from './refine.ts';
import { importanceOf } from './weights.ts';

const { fround } = Math;

/** Source: quantize_row_tq1_0_ref */
export function quantizeTQ1_0(values: Float32Array, { search, importance }: BlockRounding = {}): Uint8Array {
  return eachBlock(values, TERNARY.TQ1_0, importance, (block, out, counts) => {
    const digits = digitsOf(block, out, 52, search === 'best' ? importanceOf(block, counts) : undefined);
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
export function quantizeTQ2_0(values: Float32Array, { search, importance }: BlockRounding = {}): Uint8Array {
  return eachBlock(values, TERNARY.TQ2_0, importance, (block, out, counts) => {
    putTwoBits(out, 0, digitsOf(block, out, 64, search === 'best' ? importanceOf(block, counts) : undefined));
  });
}

/** From the largest magnitude, which is the scale of weights that are ternary already, to a quarter of it. */
const CUTS: Cuts = { first: 1, step: 0.25, count: 13 };

/** 0, 1 or 2 for every value; writes the scale, which is the largest magnitude, or with `weights` the best. */
function digitsOf(block: Float32Array, out: Uint8Array, scaleAt: number, weights: Float32Array | undefined): Uint8Array {
  const peak = Math.abs(extremeOf(block));
  const levels = wholeLevels(-1, 1);
  const { best: scale, written } = weights
    ? bestScale(inLanes({ values: block, weights }), peak, asHalf(peak), levels, [1], CUTS)
    : { best: peak, written: peak };
  putHalf(out, scaleAt, written);
  const inverse = inverseOf(scale);
  return Uint8Array.from(block, (value) => (weights ? levels : roundAway)(fround(value * inverse)) + 1);
}
