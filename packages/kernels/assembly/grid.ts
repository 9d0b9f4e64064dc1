// What every fit shares: the range of a block, scales that can be stored, the choice of codes, and the squared error.
// Twin of kernels/reference/grid.ts.

/** Integer grid of the running call: codes are 0 .. levels; symmetric grids have their zero at `middle`. */
export let levels: i32 = 0;
export let middle: i32 = 0;
export let symmetric: bool = false;
let halfScales: bool = false;

export function setGrid(bits: i32, isSymmetric: bool, half: bool): void {
  levels = (1 << bits) - 1;
  middle = 1 << (bits - 1);
  symmetric = isSymmetric;
  halfScales = half;
}

/** What a fit returns: the stored scale and the zero point of one block. */
export let fitScale: f32 = 0;
export let fitZero: i32 = 0;

export function setFit(scale: f32, zero: i32): void {
  fitScale = scale;
  fitZero = zero;
}

/** Smallest and largest value of the block, zero included. */
export let low: f32 = 0;
export let high: f32 = 0;

/** Long blocks keep four pairs of extremes side by side, for one would wait for itself; short ones have no time to unite so many. */
export function measureRange(values: usize, count: i32): void {
  let low0 = f32x4.splat(0), low1 = low0, high0 = low0, high1 = low0;
  const end = values + (<usize>count << 2), end8 = values + (<usize>(count & ~7) << 2);
  let at = values;
  if (count >= 128) {
    let low2 = low0, low3 = low0, high2 = low0, high3 = low0;
    for (const end16 = values + (<usize>(count & ~15) << 2); at < end16; at += 64) {
      const a = v128.load(at), b = v128.load(at, 16), c = v128.load(at, 32), d = v128.load(at, 48);
      low0 = f32x4.pmin(low0, a);
      low1 = f32x4.pmin(low1, b);
      low2 = f32x4.pmin(low2, c);
      low3 = f32x4.pmin(low3, d);
      high0 = f32x4.pmax(high0, a);
      high1 = f32x4.pmax(high1, b);
      high2 = f32x4.pmax(high2, c);
      high3 = f32x4.pmax(high3, d);
    }
    low0 = f32x4.pmin(low0, low2);
    low1 = f32x4.pmin(low1, low3);
    high0 = f32x4.pmax(high0, high2);
    high1 = f32x4.pmax(high1, high3);
  }
  for (; at < end8; at += 32) {
    const a = v128.load(at), b = v128.load(at, 16);
    low0 = f32x4.pmin(low0, a);
    low1 = f32x4.pmin(low1, b);
    high0 = f32x4.pmax(high0, a);
    high1 = f32x4.pmax(high1, b);
  }
  low0 = f32x4.pmin(low0, low1);
  high0 = f32x4.pmax(high0, high1);
  low0 = f32x4.pmin(low0, v128.shuffle<u32>(low0, low0, 2, 3, 0, 1));
  high0 = f32x4.pmax(high0, v128.shuffle<u32>(high0, high0, 2, 3, 0, 1));
  low0 = f32x4.pmin(low0, v128.shuffle<u32>(low0, low0, 1, 0, 3, 2));
  high0 = f32x4.pmax(high0, v128.shuffle<u32>(high0, high0, 1, 0, 3, 2));
  let smallest = f32x4.extract_lane(low0, 0), largest = f32x4.extract_lane(high0, 0);
  for (; at < end; at += 4) {
    const value = load<f32>(at);
    if (value < smallest) smallest = value;
    if (value > largest) largest = value;
  }
  low = smallest;
  high = largest;
}

/** The nearest storable scale that is not smaller in magnitude and not zero, four at a time. */
// @ts-ignore: decorator
@inline
export function storable4(scale: v128): v128 {
  const sign = v128.and(scale, i32x4.splat(0x80000000));
  const magnitude = v128.xor(scale, sign);
  let stored: v128;
  if (halfScales) {
    const normal = v128.and(i32x4.add(magnitude, i32x4.splat(0x1fff)), i32x4.splat(~0x1fff));
    const ticks = f32x4.pmax(f32x4.ceil(f32x4.mul(magnitude, f32x4.splat(16777216))), f32x4.splat(1));
    const tiny = f32x4.mul(ticks, f32x4.splat(5.9604644775390625e-8));
    stored = v128.bitselect(tiny, normal, f32x4.lt(magnitude, f32x4.splat(6.103515625e-5)));
    stored = f32x4.pmin(stored, f32x4.splat(65504));
  } else {
    stored = f32x4.pmax(magnitude, f32x4.splat(1.1754943508222875e-38));
  }
  return v128.or(stored, sign);
}

// @ts-ignore: decorator
@inline
export function storable(scale: f32): f32 {
  return f32x4.extract_lane(storable4(f32x4.splat(scale)), 0);
}

// @ts-ignore: decorator
@inline
export function inverseOf(scale: f32): f32 {
  return scale == 0 ? 0 : 1 / scale;
}

/** Partial sums move to f64 after this many elements, so that long rows keep their precision. */
export const CHUNK: i32 = 256;

// @ts-ignore: decorator
@inline
export function flushLow(total: v128, partial: v128): v128 {
  return f64x2.add(total, f64x2.promote_low_f32x4(partial));
}

// @ts-ignore: decorator
@inline
export function flushHigh(total: v128, partial: v128): v128 {
  return f64x2.add(total, f64x2.promote_low_f32x4(v128.shuffle<u32>(partial, partial, 2, 3, 2, 3)));
}

// @ts-ignore: decorator
@inline
export function squared(x: v128, inverse: v128, lo: v128, hi: v128): v128 {
  const t = f32x4.mul(x, inverse);
  const e = f32x4.sub(t, f32x4.nearest(f32x4.pmin(f32x4.pmax(t, lo), hi)));
  return f32x4.mul(e, e);
}

/** Squared errors of the block for two scales and one zero point, values summed in order. */
export let errorA: f64 = 0;
export let errorB: f64 = 0;

export function squaredErrors(values: usize, count: i32, scaleA: f32, scaleB: f32, zero: i32): void {
  const inverse = f32x4.replace_lane(f32x4.splat(1 / scaleA), 1, 1 / scaleB);
  const lo = f32x4.splat(<f32>(-zero)), hi = f32x4.splat(<f32>(levels - zero));
  let total = f64x2.splat(0);
  for (let from = 0; from < count; from += CHUNK) {
    let partial = f32x4.splat(0);
    const end = values + (<usize>min(from + CHUNK, count) << 2);
    for (let at = values + (<usize>from << 2); at < end; at += 4) {
      partial = f32x4.add(partial, squared(v128.load32_splat(at), inverse, lo, hi));
    }
    total = flushLow(total, partial);
  }
  errorA = f64x2.extract_lane(total, 0) * scaleA * scaleA;
  errorB = f64x2.extract_lane(total, 1) * scaleB * scaleB;
}

/** 1.5 * 2^23: added to a small float, the low bits of the sum are its nearest integer. */
const MAGIC: f32 = 12582912;

// @ts-ignore: decorator
@inline
function stepsOf(values: usize, inverse: v128, bias: v128): v128 {
  return i32x4.add(f32x4.add(f32x4.mul(v128.load(values), inverse), f32x4.splat(MAGIC)), bias);
}

/** Narrowing saturates, which is the clamp at 0 and, for 8 bits, at the top. */
// @ts-ignore: decorator
@inline
function sixteenCodes(values: usize, inverse: v128, bias: v128, top: v128): v128 {
  const a = stepsOf(values, inverse, bias), b = stepsOf(values + 16, inverse, bias);
  const c = stepsOf(values + 32, inverse, bias), d = stepsOf(values + 48, inverse, bias);
  return i8x16.min_u(i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d)), top);
}

/** Writes the codes of one block: clamp(round(value / scale) + zero, 0, levels). Expects `measureRange`. */
export function encode(values: usize, count: i32, scale: f32, zero: i32, codes: usize): void {
  const factor = inverseOf(scale);
  // Beyond that the rounding trick breaks; it takes a scale that had to be cut down to what a half can hold.
  const isUsual = max(high, -low) * abs(factor) < <f32>1048576;
  const inverse = f32x4.splat(factor);
  const bias = i32x4.splat(zero - 0x4b400000), top = i8x16.splat(<i8>levels);
  const end = codes + count;
  if (isUsual) {
    for (const end32 = codes + (count & ~31); codes < end32; codes += 32) {
      v128.store(codes, sixteenCodes(values, inverse, bias, top));
      v128.store(codes, sixteenCodes(values + 64, inverse, bias, top), 16);
      values += 128;
    }
    if (codes + 16 <= end) {
      v128.store(codes, sixteenCodes(values, inverse, bias, top));
      values += 64;
      codes += 16;
    }
  }
  for (; codes < end; codes++) {
    const t = min(max(load<f32>(values) * factor, <f32>(-zero)), <f32>(levels - zero));
    store<u8>(codes, <i32>nearest(t) + zero);
    values += 4;
  }
}
