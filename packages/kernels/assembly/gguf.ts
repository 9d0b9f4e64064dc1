// GGUF's Q8_0, Q4_0, Q4_1, Q5_0 and Q5_1, byte for byte those of ggml's reference quantizer. Twins of kernels/reference/ggml/plain.ts.
import { roundQ4_0, roundQ4_1, roundQ5_0, roundQ5_1, roundQ8_0 } from './gguf-eight';

// @ts-ignore: decorator
@inline
export function peakOf(values: usize): f32 {
  let a = f32x4.abs(v128.load(values)), b = f32x4.abs(v128.load(values, 16));
  a = f32x4.pmax(a, f32x4.abs(v128.load(values, 32)));
  b = f32x4.pmax(b, f32x4.abs(v128.load(values, 48)));
  a = f32x4.pmax(a, f32x4.abs(v128.load(values, 64)));
  b = f32x4.pmax(b, f32x4.abs(v128.load(values, 80)));
  a = f32x4.pmax(a, f32x4.abs(v128.load(values, 96)));
  b = f32x4.pmax(b, f32x4.abs(v128.load(values, 112)));
  a = f32x4.pmax(a, b);
  a = f32x4.pmax(a, v128.shuffle<u32>(a, a, 2, 3, 0, 1));
  a = f32x4.pmax(a, v128.shuffle<u32>(a, a, 1, 0, 3, 2));
  return f32x4.extract_lane(a, 0);
}

/** Half bits of one float, nearest even. */
export function halfBits(value: f32): i32 {
  const bits = reinterpret<u32>(value);
  const sign = (bits >> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) return sign | (reinterpret<u32>(reinterpret<f32>(magnitude) + 0.5) - 0x3f000000);
  return sign | ((magnitude + (0xfff - 0x38000000) + ((magnitude >> 13) & 1)) >> 13);
}

/** Half away from zero, as C's roundf: the largest float below a half is added away from zero, then cut. */
// @ts-ignore: decorator
@inline
function roundAway(x: v128): v128 {
  const half = v128.or(v128.and(x, i32x4.splat(0x80000000)), i32x4.splat(0x3effffff));
  return wholeBits(f32x4.trunc(f32x4.add(x, half)));
}

/** Small whole numbers as integers. */
// @ts-ignore: decorator
@inline
function wholeBits(x: v128): v128 {
  return i32x4.sub(f32x4.add(x, f32x4.splat(12582912)), i32x4.splat(0x4b400000));
}

const Q8_0_BYTES: usize = 34;

export function quantizeQ8_0(values: usize, blocks: i32, out: usize, isBest: bool, importance: usize): void {
  if (isBest) return roundQ8_0(values, blocks, out, isBest, importance);
  for (; blocks > 0; blocks--) {
    const d = peakOf(values) / 127;
    const inverse = f32x4.splat(d != 0 ? <f32>1 / d : 0);
    store<u16>(out, halfBits(d));
    for (let half: usize = 0; half < 32; half += 16) {
      const at = values + (half << 2);
      const a = roundAway(f32x4.mul(v128.load(at), inverse)), b = roundAway(f32x4.mul(v128.load(at, 16), inverse));
      const c = roundAway(f32x4.mul(v128.load(at, 32), inverse)), e = roundAway(f32x4.mul(v128.load(at, 48), inverse));
      v128.store(out + half, i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, e)), 2);
    }
    values += 128;
    out += Q8_0_BYTES;
  }
}

/** The value of largest magnitude, the first of several, with its sign. */
// @ts-ignore: decorator
@inline
export function extremeOf(values: usize): f32 {
  let low = v128.load(values), high = low;
  for (let at: usize = 16; at < 128; at += 16) {
    const four = v128.load(values + at);
    low = f32x4.pmin(low, four);
    high = f32x4.pmax(high, four);
  }
  low = f32x4.pmin(low, v128.shuffle<u32>(low, low, 2, 3, 0, 1));
  high = f32x4.pmax(high, v128.shuffle<u32>(high, high, 2, 3, 0, 1));
  low = f32x4.pmin(low, v128.shuffle<u32>(low, low, 1, 0, 3, 2));
  high = f32x4.pmax(high, v128.shuffle<u32>(high, high, 1, 0, 3, 2));
  const least = f32x4.extract_lane(low, 0), most = f32x4.extract_lane(high, 0);
  if (most > -least) return most;
  if (most < -least) return least;
  return firstOf(values, most);
}

/** The first value of this magnitude. */
function firstOf(values: usize, magnitude: f32): f32 {
  while (abs(load<f32>(values)) != magnitude) values += 4;
  const value = load<f32>(values);
  return value == 0 ? 0 : value;
}

// @ts-ignore: decorator
@inline
function fourCodes(values: usize, inverse: v128, from: v128, middle: f32): v128 {
  const shifted = f32x4.mul(f32x4.sub(v128.load(values), from), inverse);
  return wholeBits(f32x4.trunc(f32x4.add(shifted, f32x4.splat(middle + 0.5))));
}

/** `from` is subtracted, `middle` is the code of what is then zero. */
// @ts-ignore: decorator
@inline
function sixteenCodes(at: usize, inverse: v128, from: v128, middle: f32, most: i8): v128 {
  const low = i16x8.narrow_i32x4_s(fourCodes(at, inverse, from, middle), fourCodes(at + 16, inverse, from, middle));
  const high = i16x8.narrow_i32x4_s(fourCodes(at + 32, inverse, from, middle), fourCodes(at + 48, inverse, from, middle));
  return i8x16.min_s(i8x16.narrow_i16x8_s(low, high), i8x16.splat(most));
}

// @ts-ignore: decorator
@inline
export function putNibbles(out: usize, a: v128, b: v128): void {
  v128.store(out, v128.or(v128.and(a, i8x16.splat(15)), i8x16.shl(b, 4)));
}

/** The fifth bits first. */
// @ts-ignore: decorator
@inline
export function putFiveBits(out: usize, a: v128, b: v128): void {
  const sixteen = i8x16.splat(16);
  const low = i8x16.bitmask(i8x16.eq(v128.and(a, sixteen), sixteen)), high = i8x16.bitmask(i8x16.eq(v128.and(b, sixteen), sixteen));
  store<u32>(out, low | (high << 16));
  putNibbles(out + 4, a, b);
}

export function quantizeQ4_0(values: usize, blocks: i32, out: usize, isBest: bool, importance: usize): void {
  if (isBest || importance != 0) return roundQ4_0(values, blocks, out, isBest, importance);
  const zero = f32x4.splat(0);
  for (; blocks > 0; blocks--) {
    const d = extremeOf(values) / -8;
    const inverse = f32x4.splat(d != 0 ? <f32>1 / d : 0);
    store<u16>(out, halfBits(d));
    putNibbles(out + 2, sixteenCodes(values, inverse, zero, 8, 15), sixteenCodes(values + 64, inverse, zero, 8, 15));
    values += 128;
    out += 18;
  }
}

export function quantizeQ5_0(values: usize, blocks: i32, out: usize, isBest: bool, importance: usize): void {
  if (isBest || importance != 0) return roundQ5_0(values, blocks, out, isBest, importance);
  const zero = f32x4.splat(0);
  for (; blocks > 0; blocks--) {
    const d = extremeOf(values) / -16;
    const inverse = f32x4.splat(d != 0 ? <f32>1 / d : 0);
    store<u16>(out, halfBits(d));
    putFiveBits(out + 2, sixteenCodes(values, inverse, zero, 16, 31), sixteenCodes(values + 64, inverse, zero, 16, 31));
    values += 128;
    out += 22;
  }
}

export function quantizeQ4_1(values: usize, blocks: i32, out: usize, isBest: bool, importance: usize): void {
  if (isBest || importance != 0) return roundQ4_1(values, blocks, out, isBest, importance);
  for (; blocks > 0; blocks--) {
    const inverse = f32x4.splat(putRange(values, 15, out)), from = f32x4.splat(minimum);
    putNibbles(out + 4, sixteenCodes(values, inverse, from, 0, 15), sixteenCodes(values + 64, inverse, from, 0, 15));
    values += 128;
    out += 20;
  }
}

export function quantizeQ5_1(values: usize, blocks: i32, out: usize, isBest: bool, importance: usize): void {
  if (isBest || importance != 0) return roundQ5_1(values, blocks, out, isBest, importance);
  for (; blocks > 0; blocks--) {
    const inverse = f32x4.splat(putRange(values, 31, out)), from = f32x4.splat(minimum);
    putFiveBits(out + 4, sixteenCodes(values, inverse, from, 0, 31), sixteenCodes(values + 64, inverse, from, 0, 31));
    values += 128;
    out += 24;
  }
}

/** Of the block that `rangeScale` looked at last. */
export let minimum: f32 = 0;

/** Writes scale and minimum; returns the inverse of the scale. */
function putRange(values: usize, most: f32, out: usize): f32 {
  const d = rangeScale(values, most);
  store<u16>(out, halfBits(d));
  store<u16>(out, halfBits(minimum), 2);
  return d != 0 ? <f32>1 / d : 0;
}

/** What brings the smallest value to 0 and the largest to `most`; sets `minimum`. */
export function rangeScale(values: usize, most: f32): f32 {
  let low = v128.load(values), high = low;
  for (let at: usize = 16; at < 128; at += 16) {
    const four = v128.load(values + at);
    low = f32x4.pmin(low, four);
    high = f32x4.pmax(high, four);
  }
  low = f32x4.pmin(low, v128.shuffle<u32>(low, low, 2, 3, 0, 1));
  high = f32x4.pmax(high, v128.shuffle<u32>(high, high, 2, 3, 0, 1));
  low = f32x4.pmin(low, v128.shuffle<u32>(low, low, 1, 0, 3, 2));
  high = f32x4.pmax(high, v128.shuffle<u32>(high, high, 1, 0, 3, 2));
  minimum = f32x4.extract_lane(low, 0);
  // the first of equal zeros has the sign that counts
  if (minimum == 0) {
    let at = values;
    while (load<f32>(at) != 0) at += 4;
    minimum = load<f32>(at);
  }
  return (f32x4.extract_lane(high, 0) - minimum) / most;
}
