// 2-bit and 4-bit codes, low bits first. Twin of kernels/reference/pack.ts. `count` is a multiple of 32 (4 bits) or 64 (2 bits); the host pads.

// @ts-ignore: decorator
@inline
function pairs(codes: v128): v128 {
  const nibbles = v128.and(codes, i8x16.splat(15));
  return v128.and(v128.or(nibbles, i16x8.shr_u(nibbles, 4)), i16x8.splat(255));
}

export function pack4(codes: usize, count: i32, bytes: usize): void {
  const end = codes + count;
  for (; codes < end; codes += 32) {
    v128.store(bytes, i8x16.narrow_i16x8_u(pairs(v128.load(codes)), pairs(v128.load(codes, 16))));
    bytes += 16;
  }
}

// @ts-ignore: decorator
@inline
function quads(codes: v128): v128 {
  const crumbs = v128.and(codes, i8x16.splat(3));
  const two = v128.or(crumbs, i32x4.shr_u(crumbs, 6));
  return v128.and(v128.or(two, i32x4.shr_u(two, 12)), i32x4.splat(255));
}

export function pack2(codes: usize, count: i32, bytes: usize): void {
  const end = codes + count;
  for (; codes < end; codes += 64) {
    const first = i16x8.narrow_i32x4_s(quads(v128.load(codes)), quads(v128.load(codes, 16)));
    const second = i16x8.narrow_i32x4_s(quads(v128.load(codes, 32)), quads(v128.load(codes, 48)));
    v128.store(bytes, i8x16.narrow_i16x8_u(first, second));
    bytes += 16;
  }
}

export function unpack4(bytes: usize, count: i32, codes: usize): void {
  const end = codes + count;
  for (; codes < end; codes += 32) {
    const packed = v128.load(bytes);
    const low = v128.and(packed, i8x16.splat(15)), high = i8x16.shr_u(packed, 4);
    v128.store(codes, v128.shuffle<u8>(low, high, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23));
    v128.store(codes, v128.shuffle<u8>(low, high, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31), 16);
    bytes += 16;
  }
}

// @ts-ignore: decorator
@inline
function spread(bytes: v128): v128 {
  const two = v128.or(bytes, i32x4.shl(bytes, 12));
  return v128.and(v128.or(two, i32x4.shl(two, 6)), i8x16.splat(3));
}

export function unpack2(bytes: usize, count: i32, codes: usize): void {
  const end = codes + count;
  for (; codes < end; codes += 64) {
    const packed = v128.load(bytes);
    const low = i16x8.extend_low_i8x16_u(packed), high = i16x8.extend_high_i8x16_u(packed);
    v128.store(codes, spread(i32x4.extend_low_i16x8_u(low)));
    v128.store(codes, spread(i32x4.extend_high_i16x8_u(low)), 16);
    v128.store(codes, spread(i32x4.extend_low_i16x8_u(high)), 32);
    v128.store(codes, spread(i32x4.extend_high_i16x8_u(high)), 48);
    bytes += 16;
  }
}
