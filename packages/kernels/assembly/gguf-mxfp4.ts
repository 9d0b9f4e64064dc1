// GGUF's MXFP4, byte for byte that of ggml's reference quantizer, or with better scales. Twin of kernels/reference/ggml/tables.ts.
import { peakOf, putNibbles } from './gguf';
import { sixteenBytes } from './gguf-lanes';

/** log2(1 + 2^-24), about. */
const UNIT: f64 = 8.599e-8;

/** The power of two below, as ggml has it: what is so close to the next one that its 32-bit logarithm is a whole number counts as that. */
function floorOfLog2(peak: f32): i32 {
  const bits = reinterpret<i32>(peak);
  const next = (bits >> 23) - 126, missing = 0x800000 - (bits & 0x7fffff);
  return <f32>(<f64>next - <f64>missing * UNIT) == <f32>next ? next : next - 1;
}

/** Half the scale that an exponent stands for: 2^(exponent - 128). */
// @ts-ignore: decorator
@inline
function halfScale(exponent: i32): f32 {
  const e = exponent - 1;
  return reinterpret<f32>(e > 0 ? e << 23 : 0x400000 >> -e);
}

/** One more where a magnitude is above the middle of two neighbours. */
// @ts-ignore: decorator
@inline
function above(magnitude: v128, scale: f32, middle: f32): v128 {
  return f32x4.gt(magnitude, f32x4.splat(scale * middle));
}

/** Nearest codes, of two as near the smaller. */
// @ts-ignore: decorator
@inline
function fourCodes(at: usize, scale: f32): v128 {
  const x = v128.load(at), magnitude = f32x4.abs(x);
  const low = i32x4.add(i32x4.add(above(magnitude, scale, 0.5), above(magnitude, scale, 1.5)), above(magnitude, scale, 2.5));
  const high = i32x4.add(i32x4.add(above(magnitude, scale, 3.5), above(magnitude, scale, 5)), i32x4.add(above(magnitude, scale, 7), above(magnitude, scale, 10)));
  const code = i32x4.neg(i32x4.add(low, high));
  const isNegative = v128.and(f32x4.lt(x, f32x4.splat(0)), i32x4.gt_s(code, i32x4.splat(0)));
  return v128.or(code, v128.and(isNegative, i32x4.splat(8)));
}

/** The nearest magnitude, in halves of the scale. */
// @ts-ignore: decorator
@inline
function level(magnitude: v128, scale: f32): v128 {
  const one = f32x4.splat(1), two = f32x4.splat(2), four = f32x4.splat(4);
  const low = f32x4.add(v128.and(above(magnitude, scale, 0.5), one), v128.and(above(magnitude, scale, 1.5), one));
  const middle = f32x4.add(v128.and(above(magnitude, scale, 2.5), one), v128.and(above(magnitude, scale, 3.5), one));
  const high = f32x4.add(v128.and(above(magnitude, scale, 5), two), v128.and(above(magnitude, scale, 7), two));
  return f32x4.add(f32x4.add(low, middle), f32x4.add(high, v128.and(above(magnitude, scale, 10), four)));
}

/** The weighted squared error. */
function errorOf(values: usize, scale: f32, importance: usize): f32 {
  let error = f32x4.splat(0);
  for (let l: usize = 0; l < 128; l += 16) {
    const magnitude = f32x4.abs(v128.load(values + l));
    const diff = f32x4.sub(f32x4.mul(f32x4.splat(scale), level(magnitude, scale)), magnitude);
    const square = f32x4.mul(diff, diff);
    error = f32x4.add(error, importance != 0 ? f32x4.mul(v128.load(importance + l), square) : square);
  }
  return f32x4.extract_lane(error, 0) + f32x4.extract_lane(error, 1) + f32x4.extract_lane(error, 2) + f32x4.extract_lane(error, 3);
}

function betterExponent(values: usize, first: i32, importance: usize): i32 {
  let best = first, least = errorOf(values, halfScale(first), importance);
  for (let exponent = max(0, first - 1); exponent <= min(254, first + 1); exponent += 1) {
    if (exponent == first) continue;
    const error = errorOf(values, halfScale(exponent), importance);
    if (!(error < least)) continue;
    best = exponent;
    least = error;
  }
  return best;
}

export function quantizeMXFP4(values: usize, blocks: i32, out: usize, isBest: bool, importance: usize): void {
  for (; blocks > 0; blocks--) {
    const peak = peakOf(values);
    let exponent = peak > 0 ? max(0, floorOfLog2(peak) + 125) : 0;
    if (isBest) exponent = betterExponent(values, exponent, importance);
    const scale = halfScale(exponent);
    store<u8>(out, exponent);
    putNibbles(
      out + 1,
      sixteenBytes(fourCodes(values, scale), fourCodes(values + 16, scale), fourCodes(values + 32, scale), fourCodes(values + 48, scale)),
      sixteenBytes(fourCodes(values + 64, scale), fourCodes(values + 80, scale), fourCodes(values + 96, scale), fourCodes(values + 112, scale)),
    );
    values += 128;
    out += 17;
    if (importance != 0) importance += 128;
  }
}
