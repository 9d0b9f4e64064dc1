// Extremes and counts in bins of equal width. Twin of core/histogram.ts. `count` is a multiple of 4.

/** Elements 0, 1, 2, 3 of every four are counted in a table each, so that equal neighbours need not wait for one another. */
const TABLE_BYTES: usize = 4 * 4096;
/** The least normal number. */
const LEAST_NORMAL: f32 = 1.1754943508222875e-38;

/** The least and the largest of every lane go to `state`, f32. @returns the largest magnitude: NaN where there is one, else infinity where there is one */
export function survey(values: usize, count: i32, state: usize): f32 {
  let low = f32x4.splat(f32.POSITIVE_INFINITY), high = f32x4.splat(f32.NEGATIVE_INFINITY), most = i32x4.splat(0);
  const mask = i32x4.splat(0x7fffffff);
  for (const end = values + (<usize>count << 2); values < end; values += 16) {
    const value = v128.load(values);
    low = f32x4.pmin(low, value);
    high = f32x4.pmax(high, value);
    most = i32x4.max_s(most, v128.and(value, mask)); // as integers infinity is above every number, and NaN above infinity
  }
  v128.store(state, low);
  v128.store(state, high, 16);
  const pairs = i32x4.max_s(most, v128.shuffle<u32>(most, most, 2, 3, 2, 3));
  return reinterpret<f32>(max(i32x4.extract_lane(pairs, 0), i32x4.extract_lane(pairs, 1)));
}

/**
 * Adds to four tables of 4096 i32 each. Magnitudes are below 2048 / binsPerUnit, a power of two. What is below zero stays below it where the product is
 * too small for a float.
 */
export function countBins(values: usize, count: i32, tables: usize, binsPerUnit: f32): void {
  const scale = f32x4.splat(binsPerUnit), half = i32x4.splat(2048);
  for (const end = values + (<usize>count << 2); values < end; values += 16) {
    const value = v128.load(values);
    const below = v128.and(f32x4.lt(value, f32x4.splat(0)), f32x4.splat(LEAST_NORMAL));
    const bin = i32x4.add(i32x4.trunc_sat_f32x4_s(f32x4.floor(f32x4.sub(f32x4.mul(value, scale), below))), half);
    const at = i32x4.shl(bin, 2);
    countOne(tables + <usize>i32x4.extract_lane(at, 0));
    countOne(tables + <usize>i32x4.extract_lane(at, 1) + TABLE_BYTES);
    countOne(tables + <usize>i32x4.extract_lane(at, 2) + 2 * TABLE_BYTES);
    countOne(tables + <usize>i32x4.extract_lane(at, 3) + 3 * TABLE_BYTES);
  }
}

@inline
function countOne(at: usize): void {
  store<i32>(at, load<i32>(at) + 1);
}
