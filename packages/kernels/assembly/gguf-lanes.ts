// What the twins of ggml's super-blocks share: 256 values, turned so that four parts lie side by side, and their codes.

/** The super-block with its parts side by side: element l of part j at l * (4 * parts) + 4 * j. */
export const TURNED: usize = memory.data(1024, 16);
/** Its codes, one a byte. */
export const CODES: usize = memory.data(256, 16);

/** Turns parts first .. first + 3 of `partBytes` bytes of floats each into TURNED. */
// @ts-ignore: decorator
@inline
export function turn(values: usize, first: usize, partBytes: usize, stride: usize): void {
  turnTo(TURNED, values, first, partBytes, stride);
}

// @ts-ignore: decorator
@inline
export function turnTo(to: usize, values: usize, first: usize, partBytes: usize, stride: usize): void {
  const rows = values + first * partBytes;
  for (let l: usize = 0; l < partBytes; l += 16) {
    const a = v128.load(rows + l), b = v128.load(rows + l + partBytes), c = v128.load(rows + l + 2 * partBytes), d = v128.load(rows + l + 3 * partBytes);
    const ab = v128.shuffle<u32>(a, b, 0, 4, 1, 5), cd = v128.shuffle<u32>(c, d, 0, 4, 1, 5);
    const ef = v128.shuffle<u32>(a, b, 2, 6, 3, 7), gh = v128.shuffle<u32>(c, d, 2, 6, 3, 7);
    const out = to + (l >> 2) * stride + (first << 2);
    v128.store(out, v128.shuffle<u64>(ab, cd, 0, 2));
    v128.store(out + stride, v128.shuffle<u64>(ab, cd, 1, 3));
    v128.store(out + 2 * stride, v128.shuffle<u64>(ef, gh, 0, 2));
    v128.store(out + 3 * stride, v128.shuffle<u64>(ef, gh, 1, 3));
  }
}

/** Value of a finite half. */
export function halfValue(bits: i32): f32 {
  const magnitude = bits & 0x7fff;
  const value = magnitude < 0x400 ? <f32>magnitude * <f32>5.9604644775390625e-8 : reinterpret<f32>((magnitude << 13) + 0x38000000);
  const full = magnitude < 0x7c00 ? value : f32.POSITIVE_INFINITY;
  return bits & 0x8000 ? -full : full;
}

/** ggml's nearest_int, for any float. */
// @ts-ignore: decorator
@inline
export function nearestInt(x: f32): i32 {
  return (reinterpret<i32>(x + <f32>12582912) & 0x007fffff) - 0x00400000;
}

/** The same for four, brought into a range. */
// @ts-ignore: decorator
@inline
export function nearestCodes(x: v128, least: i32, most: i32): v128 {
  const sum = f32x4.add(x, f32x4.splat(12582912));
  const code = i32x4.sub(v128.and(sum, i32x4.splat(0x007fffff)), i32x4.splat(0x00400000));
  return i32x4.max_s(i32x4.min_s(code, i32x4.splat(most)), i32x4.splat(least));
}

// @ts-ignore: decorator
@inline
export function sixteenBytes(a: v128, b: v128, c: v128, d: v128): v128 {
  return i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
}

/** The lowest bits of 256 codes, four of them to a byte. */
export function packTwoBits(out: usize): void {
  const three = i8x16.splat(3);
  for (let half: usize = 0; half < 2; half++) {
    for (let part: usize = 0; part < 32; part += 16) {
      const from = CODES + (half << 7) + part;
      const a = v128.and(v128.load(from), three), b = i8x16.shl(v128.and(v128.load(from, 32), three), 2);
      const c = i8x16.shl(v128.and(v128.load(from, 64), three), 4), d = i8x16.shl(v128.and(v128.load(from, 96), three), 6);
      v128.store(out + (half << 5) + part, v128.or(v128.or(a, b), v128.or(c, d)));
    }
  }
}

/** The lowest 4 bits of 256 codes: parts of `span` and of the same length behind them share bytes. */
// @ts-ignore: decorator
@inline
export function packHalves(out: usize, span: usize): void {
  const fifteen = i8x16.splat(15);
  for (let at: usize = 0; at < 256; at += 2 * span) {
    for (let i: usize = 0; i < span; i += 16) {
      const low = v128.and(v128.load(CODES + at + i), fifteen), high = i8x16.shl(v128.load(CODES + at + i + span), 4);
      v128.store(out + (at >> 1) + i, v128.or(low, high));
    }
  }
}
