// Elements apart into planes of equal bytes, and together again. Twins of kernels/reference/planes.ts.
// Floats are turned left by one bit first, so that the exponent fills the highest plane and the sign is the lowest bit.
// Planes lie one after the other, `stride` bytes apart, the lowest first; a stride is a multiple of 16.

export function joinPlanes(planes: usize, stride: usize, count: i32, width: i32, isTurned: i32, output: usize): void {
  if (width == 2) return join2(planes, stride, count, isTurned, output);
  if (width == 4) return join4(planes, stride, count, isTurned, output);
  for (let i: i32 = 0; i < count; i++) {
    let element: u64 = 0;
    for (let k: i32 = 0; k < width; k++) element |= <u64>load<u8>(planes + stride * <usize>k + i) << (k << 3);
    if (isTurned) element = (element >> 1) | (element << ((width << 3) - 1));
    for (let k: i32 = 0; k < width; k++) store<u8>(output + i * width + k, <u8>(element >> (k << 3)));
  }
}

/** May write up to 32 bytes behind the last element. */
function join2(planes: usize, stride: usize, count: i32, isTurned: i32, output: usize): void {
  for (let i: i32 = 0; i < count; i += 16) {
    const a = v128.load(planes + i), b = v128.load(planes + stride + i);
    let low = i8x16.shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    let high = i8x16.shuffle(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    if (isTurned) {
      low = v128.or(i16x8.shr_u(low, 1), i16x8.shl(low, 15));
      high = v128.or(i16x8.shr_u(high, 1), i16x8.shl(high, 15));
    }
    v128.store(output, low);
    v128.store(output, high, 16);
    output += 32;
  }
}

// @ts-ignore: decorator
@inline
function turnedBack(values: v128, isTurned: i32): v128 {
  return isTurned ? v128.or(i32x4.shr_u(values, 1), i32x4.shl(values, 31)) : values;
}

/** May write up to 64 bytes behind the last element. */
function join4(planes: usize, stride: usize, count: i32, isTurned: i32, output: usize): void {
  for (let i: i32 = 0; i < count; i += 16) {
    const a = v128.load(planes + i), b = v128.load(planes + stride + i);
    const c = v128.load(planes + (stride << 1) + i), d = v128.load(planes + stride * 3 + i);
    const lowAB = i8x16.shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const highAB = i8x16.shuffle(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    const lowCD = i8x16.shuffle(c, d, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const highCD = i8x16.shuffle(c, d, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    v128.store(output, turnedBack(i16x8.shuffle(lowAB, lowCD, 0, 8, 1, 9, 2, 10, 3, 11), isTurned));
    v128.store(output, turnedBack(i16x8.shuffle(lowAB, lowCD, 4, 12, 5, 13, 6, 14, 7, 15), isTurned), 16);
    v128.store(output, turnedBack(i16x8.shuffle(highAB, highCD, 0, 8, 1, 9, 2, 10, 3, 11), isTurned), 32);
    v128.store(output, turnedBack(i16x8.shuffle(highAB, highCD, 4, 12, 5, 13, 6, 14, 7, 15), isTurned), 48);
    output += 64;
  }
}
