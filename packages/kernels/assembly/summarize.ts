// One pass of statistics. Twin of kernels/reference/summarize.ts. `count` is a multiple of 4; the host counts out the zeros it pads with.

/**
 * State at `state`, carried from tile to tile: min[4], max[4], least[4] as f32; zeros[4], nonFinite[4] as i32; sum[4], squares[4] as f64.
 * Element i goes to lane i mod 4.
 */
export function summarizeTile(values: usize, count: i32, state: usize): void {
  let low = v128.load(state), high = v128.load(state, 16), least = v128.load(state, 32);
  let zeros = v128.load(state, 48), broken = v128.load(state, 64);
  let sum0 = v128.load(state, 80), sum1 = v128.load(state, 96), square0 = v128.load(state, 112), square1 = v128.load(state, 128);
  const infinity = f32x4.splat(f32.POSITIVE_INFINITY);
  const end = values + (<usize>count << 2);
  for (; values < end; values += 16) {
    const raw = v128.load(values);
    const magnitude = f32x4.abs(raw);
    const finite = f32x4.lt(magnitude, infinity);
    broken = i32x4.add(broken, v128.not(finite));
    // -x is kept apart from min and max: what is not finite must lose both comparisons.
    low = f32x4.pmin(low, v128.bitselect(raw, infinity, finite));
    high = f32x4.pmax(high, v128.bitselect(raw, f32x4.neg(infinity), finite));
    const value = v128.and(raw, finite);
    const isZero = f32x4.eq(raw, f32x4.splat(0));
    zeros = i32x4.add(zeros, isZero);
    least = f32x4.pmin(least, v128.bitselect(magnitude, infinity, v128.andnot(finite, isZero)));
    const first = f64x2.promote_low_f32x4(value);
    const second = f64x2.promote_low_f32x4(v128.shuffle<u32>(value, value, 2, 3, 2, 3));
    sum0 = f64x2.add(sum0, first);
    sum1 = f64x2.add(sum1, second);
    square0 = f64x2.add(square0, f64x2.mul(first, first));
    square1 = f64x2.add(square1, f64x2.mul(second, second));
  }
  v128.store(state, low);
  v128.store(state, high, 16);
  v128.store(state, least, 32);
  v128.store(state, zeros, 48);
  v128.store(state, broken, 64);
  v128.store(state, sum0, 80);
  v128.store(state, sum1, 96);
  v128.store(state, square0, 112);
  v128.store(state, square1, 128);
}
