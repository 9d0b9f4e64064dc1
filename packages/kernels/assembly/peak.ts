// The largest magnitude. Twin of kernels/reference/peak.ts.

/** Compared as integers, where infinity is above every number and NaN above infinity: one broken value shows in the result. */
export function peak(values: usize, count: i32): f32 {
  let most = i32x4.splat(0), other = i32x4.splat(0);
  const mask = i32x4.splat(0x7fffffff);
  const end = values + (<usize>count << 2);
  for (; values + 32 <= end; values += 32) {
    most = i32x4.max_s(most, v128.and(v128.load(values), mask));
    other = i32x4.max_s(other, v128.and(v128.load(values, 16), mask));
  }
  most = i32x4.max_s(most, other);
  let bits = max(
    max(i32x4.extract_lane(most, 0), i32x4.extract_lane(most, 1)),
    max(i32x4.extract_lane(most, 2), i32x4.extract_lane(most, 3)),
  );
  for (; values < end; values += 4) bits = max(bits, load<i32>(values) & 0x7fffffff);
  return reinterpret<f32>(bits);
}

/** The smallest of the largest magnitudes of blocks of `block` values, of which there are `blocks`. */
export function leastPeak(values: usize, blocks: i32, block: i32): f32 {
  let least: f32 = f32.POSITIVE_INFINITY;
  for (; blocks > 0; blocks--) {
    least = min(least, peak(values, block));
    values += <usize>block << 2;
  }
  return least;
}
