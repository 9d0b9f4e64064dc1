/** 1 where `count` floats, a multiple of 4, are all finite. */
export function areFinite(values: usize, count: i32): i32 {
  let broken = f32x4.splat(0);
  // what is not finite is not a number when it is taken from itself
  for (const end = values + (<usize>count << 2); values < end; values += 16) {
    const four = v128.load(values);
    broken = v128.or(broken, f32x4.sub(four, four));
  }
  return v128.any_true(broken) ? 0 : 1;
}
