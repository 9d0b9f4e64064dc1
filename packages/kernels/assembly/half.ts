// binary16 and bfloat16, four at a time. Twins of kernels/reference/half.ts and bfloat16.ts.
// `count` is a multiple of 8; the host pads.

// @ts-ignore: decorator
@inline
function halfOf(values: v128): v128 {
  const sign = v128.and(values, i32x4.splat(0x80000000));
  const magnitude = v128.xor(values, sign);
  // Below 2^-14 adding 0.5 leaves the rounded multiple of 2^-24 in the low mantissa bits.
  const tiny = i32x4.sub(f32x4.add(magnitude, f32x4.splat(0.5)), i32x4.splat(0x3f000000));
  const odd = v128.and(i32x4.shr_u(magnitude, 13), i32x4.splat(1));
  const normal = i32x4.shr_u(i32x4.add(i32x4.add(magnitude, i32x4.splat(0xfff - 0x38000000)), odd), 13);
  const finite = v128.bitselect(tiny, normal, i32x4.lt_s(magnitude, i32x4.splat(0x38800000)));
  const special = v128.bitselect(i32x4.splat(0x7e00), i32x4.splat(0x7c00), i32x4.gt_s(magnitude, i32x4.splat(0x7f800000)));
  const bits = v128.bitselect(special, finite, i32x4.gt_s(magnitude, i32x4.splat(0x477fffff)));
  return v128.or(bits, i32x4.shr_u(sign, 16));
}

export function toHalf(values: usize, count: i32, bits: usize): void {
  const end = values + (<usize>count << 2);
  for (; values < end; values += 32) {
    v128.store(bits, i16x8.narrow_i32x4_u(halfOf(v128.load(values)), halfOf(v128.load(values, 16))));
    bits += 16;
  }
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
function bfloat16Of(values: v128): v128 {
  const upper = i32x4.shr_u(values, 16);
  const odd = v128.and(upper, i32x4.splat(1));
  const rounded = i32x4.shr_u(i32x4.add(i32x4.add(values, i32x4.splat(0x7fff)), odd), 16);
  return v128.bitselect(v128.or(upper, i32x4.splat(0x40)), rounded, f32x4.ne(values, values));
}

export function toBfloat16(values: usize, count: i32, bits: usize): void {
  const end = values + (<usize>count << 2);
  for (; values < end; values += 32) {
    v128.store(bits, i16x8.narrow_i32x4_u(bfloat16Of(v128.load(values)), bfloat16Of(v128.load(values, 16))));
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
