// The way back of planes.ts. Twin of kernels/reference/planes.ts.

export function splitPlanes(elements: usize, count: i32, width: i32, isTurned: i32, planes: usize, stride: usize): void {
  if (width == 4) return split4(elements, count, isTurned, planes, stride);
  const top = (width << 3) - 1;
  for (let i: i32 = 0; i < count; i++) {
    let element: u64 = 0;
    for (let k: i32 = 0; k < width; k++) element |= <u64>load<u8>(elements + i * width + k) << (k << 3);
    if (isTurned) element = (element << 1) | ((element >> top) & 1);
    for (let k: i32 = 0; k < width; k++) store<u8>(planes + stride * <usize>k + i, <u8>(element >> (k << 3)));
  }
}

/** Reads up to 12 bytes behind the last element. */
function split4(elements: usize, count: i32, isTurned: i32, planes: usize, stride: usize): void {
  for (let i: i32 = 0; i < count; i += 4) {
    let four = v128.load(elements + (i << 2));
    if (isTurned) four = v128.or(i32x4.shl(four, 1), i32x4.shr_u(four, 31));
    const sorted = i8x16.shuffle(four, four, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    store<u32>(planes + i, i32x4.extract_lane(sorted, 0));
    store<u32>(planes + stride + i, i32x4.extract_lane(sorted, 1));
    store<u32>(planes + (stride << 1) + i, i32x4.extract_lane(sorted, 2));
    store<u32>(planes + stride * 3 + i, i32x4.extract_lane(sorted, 3));
  }
}
