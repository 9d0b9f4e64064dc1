// binary16 and bfloat16, four at a time. Twins of kernels/reference/half.ts and bfloat16.ts.
// `count` is a multiple of 8; the host pads.

/** Largest f32 bits of a magnitude that rounds to a finite half. */
const HALF_LIMIT: i32 = 0x477fefff;

// @ts-ignore: decorator
@inline
function magnitudeOf(values: v128): v128 {
  return v128.and(values, i32x4.splat(0x7fffffff));
}

/** Half bits without sign, of magnitudes up to `HALF_LIMIT`. */
// @ts-ignore: decorator
@inline
function finiteHalf(magnitude: v128): v128 {
  // Below 2^-14 adding 0.5 leaves the rounded multiple of 2^-24 in the low mantissa bits.
  const small = f32x4.pmin(magnitude, f32x4.splat(6.103515625e-5));
  const tiny = i32x4.sub(f32x4.add(small, f32x4.splat(0.5)), i32x4.splat(0x3f000000));
  const odd = v128.and(i32x4.shr_u(magnitude, 13), i32x4.splat(1));
  const normal = i32x4.shr_s(i32x4.add(i32x4.add(magnitude, odd), i32x4.splat(0xfff - 0x38000000)), 13);
  // Each is too small, or negative, where the other one is meant.
  return i32x4.max_s(tiny, normal);
}

// @ts-ignore: decorator
@inline
function withSign(bits: v128, values: v128): v128 {
  return v128.or(bits, v128.and(i32x4.shr_u(values, 16), i32x4.splat(0x8000)));
}

// @ts-ignore: decorator
@inline
function anyHalf(values: v128): v128 {
  const magnitude = magnitudeOf(values);
  const special = v128.bitselect(i32x4.splat(0x7e00), i32x4.splat(0x7c00), i32x4.gt_s(magnitude, i32x4.splat(0x7f800000)));
  return withSign(v128.bitselect(special, finiteHalf(magnitude), i32x4.gt_s(magnitude, i32x4.splat(HALF_LIMIT))), values);
}

/** The nearest halves, as floats; at most the largest finite one. */
// @ts-ignore: decorator
@inline
export function nearestHalf(values: v128): v128 {
  const magnitude = f32x4.pmin(magnitudeOf(values), f32x4.splat(65504));
  const half = f32x4.splat(0.5);
  const odd = v128.and(i32x4.shr_u(magnitude, 13), i32x4.splat(1));
  const normal = v128.and(i32x4.add(i32x4.add(magnitude, odd), i32x4.splat(0xfff)), i32x4.splat(~0x1fff));
  // Below 2^-14 they are multiples of 2^-24, as floats are from 0.5 on.
  const small = f32x4.sub(f32x4.add(magnitude, half), half);
  const nearest = v128.bitselect(small, normal, f32x4.lt(magnitude, f32x4.splat(6.103515625e-5)));
  return v128.or(nearest, v128.and(values, i32x4.splat(0x80000000)));
}

/** `factor` is a power of two; where it is not 1, the values are multiplied by it where they lie. */
export function toHalf(values: usize, count: i32, bits: usize, factor: f32): void {
  if (factor != 1) multiply(values, count, factor);
  let peak = i32x4.splat(0);
  let out = bits;
  const end = values + (<usize>count << 2);
  for (let at = values; at < end; at += 32) {
    const a = v128.load(at), b = v128.load(at, 16);
    const c = magnitudeOf(a), d = magnitudeOf(b);
    peak = i32x4.max_s(peak, i32x4.max_s(c, d));
    v128.store(out, i16x8.narrow_i32x4_u(withSign(finiteHalf(c), a), withSign(finiteHalf(d), b)));
    out += 16;
  }
  if (!v128.any_true(i32x4.gt_s(peak, i32x4.splat(HALF_LIMIT)))) return;
  // Infinities and what is not a number are rare: everything again, with them.
  for (let at = values; at < end; at += 32) {
    v128.store(bits, i16x8.narrow_i32x4_u(anyHalf(v128.load(at)), anyHalf(v128.load(at, 16))));
    bits += 16;
  }
}

function multiply(values: usize, count: i32, factor: f32): void {
  const factors = f32x4.splat(factor);
  const end = values + (<usize>count << 2);
  for (; values < end; values += 16) v128.store(values, f32x4.mul(v128.load(values), factors));
}

// @ts-ignore: decorator
@inline
function fromHalfBits(bits: v128): v128 {
  const sign = i32x4.shl(v128.and(bits, i32x4.splat(0x8000)), 16);
  const magnitude = v128.and(bits, i32x4.splat(0x7fff));
  const shifted = i32x4.shl(magnitude, 13);
  const normal = i32x4.add(shifted, i32x4.splat(0x38000000));
  const tiny = f32x4.mul(f32x4.convert_i32x4_s(magnitude), f32x4.splat(5.9604644775390625e-8));
  const finite = v128.or(v128.bitselect(tiny, normal, i32x4.lt_s(magnitude, i32x4.splat(0x400))), sign);
  const isSpecial = i32x4.gt_s(magnitude, i32x4.splat(0x7bff));
  const isNan = i32x4.gt_s(magnitude, i32x4.splat(0x7c00));
  const special = v128.bitselect(i32x4.splat(0x7fc00000), v128.or(i32x4.splat(0x7f800000), sign), isNan);
  return v128.bitselect(special, finite, isSpecial);
}

export function fromHalf(bits: usize, count: i32, values: usize): void {
  const end = bits + (<usize>count << 1);
  for (; bits < end; bits += 16) {
    const eight = v128.load(bits);
    v128.store(values, fromHalfBits(i32x4.extend_low_i16x8_u(eight)));
    v128.store(values, fromHalfBits(i32x4.extend_high_i16x8_u(eight)), 16);
    values += 32;
  }
}

// @ts-ignore: decorator
@inline
function roundedUpper(values: v128): v128 {
  const odd = v128.and(i32x4.shr_u(values, 16), i32x4.splat(1));
  return i32x4.shr_u(i32x4.add(i32x4.add(values, i32x4.splat(0x7fff)), odd), 16);
}

// @ts-ignore: decorator
@inline
function anyBfloat16(values: v128): v128 {
  const quiet = v128.or(i32x4.shr_u(values, 16), i32x4.splat(0x40));
  return v128.bitselect(quiet, roundedUpper(values), f32x4.ne(values, values));
}

export function toBfloat16(values: usize, count: i32, bits: usize): void {
  // Whatever is not a number makes a sum one that is not a number. So do infinities that cancel, which costs them time but no bit.
  let sum0 = f32x4.splat(0), sum1 = sum0;
  let out = bits;
  const end = values + (<usize>count << 2);
  for (let at = values; at < end; at += 32) {
    const a = v128.load(at), b = v128.load(at, 16);
    sum0 = f32x4.add(sum0, a);
    sum1 = f32x4.add(sum1, b);
    v128.store(out, i16x8.narrow_i32x4_u(roundedUpper(a), roundedUpper(b)));
    out += 16;
  }
  const sum = f32x4.add(sum0, sum1);
  if (!v128.any_true(f32x4.ne(sum, sum))) return;
  for (let at = values; at < end; at += 32) {
    v128.store(bits, i16x8.narrow_i32x4_u(anyBfloat16(v128.load(at)), anyBfloat16(v128.load(at, 16))));
    bits += 16;
  }
}

export function fromBfloat16(bits: usize, count: i32, values: usize): void {
  const end = bits + (<usize>count << 1);
  for (; bits < end; bits += 16) {
    const eight = v128.load(bits);
    v128.store(values, i32x4.shl(i32x4.extend_low_i16x8_u(eight), 16));
    v128.store(values, i32x4.shl(i32x4.extend_high_i16x8_u(eight), 16), 16);
    values += 32;
  }
}
