// Better scales for blocks of 32 that have one each, at the same bytes. Twin of kernels/reference/ggml/best-scale.ts; eight blocks at a time, in TURNED.
import { halfBits } from './gguf';
import { extremesOf } from './gguf-k-zero';
import { halfValue, TURNED } from './gguf-lanes';
import { codeAt, errorsOf, inverseOf } from './gguf-refine';
import { errors, errorsWith, products, squares, stretchWithin, sumUp } from './gguf-stretch';
import { nearestValue } from './gguf-tables';
import { IMPORTANCE } from './gguf-weights';

const NOTHING: f32 = 1e-15;
const STRIDE: usize = 32;

/** Of each of eight blocks, what is written for its scale and its minimum once the codes are chosen: see `stretch`. */
export const WRITTEN_SCALES: usize = memory.data(32, 16);
export const WRITTEN_MINIMA: usize = memory.data(32, 16);

// @ts-ignore: decorator
@inline
function halfOf(value: f32): f32 {
  return halfValue(halfBits(value));
}

// @ts-ignore: decorator
@inline
function halves(x: v128): v128 {
  let halved = f32x4.splat(halfOf(f32x4.extract_lane(x, 0)));
  halved = f32x4.replace_lane(halved, 1, halfOf(f32x4.extract_lane(x, 1)));
  halved = f32x4.replace_lane(halved, 2, halfOf(f32x4.extract_lane(x, 2)));
  return f32x4.replace_lane(halved, 3, halfOf(f32x4.extract_lane(x, 3)));
}

/** What `explain` found: the scale that is best for the codes, and how much of the values it explains. */
let found: v128 = f32x4.splat(0);
let gain: v128 = f32x4.splat(0);

// @ts-ignore: decorator
@inline
function explain(first: usize, inverse: v128, least: f32, most: f32, isNonlinear: bool): void {
  let sumLX = f32x4.splat(0), sumLL = sumLX;
  for (let l: usize = 0; l < 1024; l += STRIDE) {
    const x = v128.load(TURNED + (first << 2) + l), scaled = f32x4.mul(inverse, x);
    const level = isNonlinear ? nearestValue(scaled) : codeAt(x, f32x4.splat(0), inverse, least, most);
    const weighted = f32x4.mul(v128.load(IMPORTANCE + (first << 2) + l), level);
    sumLX = f32x4.add(sumLX, f32x4.mul(weighted, x));
    sumLL = f32x4.add(sumLL, f32x4.mul(weighted, level));
  }
  found = v128.and(f32x4.div(sumLX, sumLL), f32x4.gt(sumLL, f32x4.splat(0)));
  gain = f32x4.mul(found, sumLX);
}

/** Halves for blocks first .. first + 3, from those at `scales` on, which they replace. Extremes become one of the `ends`, or are cut off there. */
// @ts-ignore: decorator
@inline
function bestScales(
  scales: usize,
  first: usize,
  least: f32,
  most: f32,
  highEnd: f32,
  lowEnd: f32,
  cut: f32,
  by: f32,
  cuts: i32,
  isNonlinear: bool,
): void {
  const extreme = extremesOf(TURNED + (first << 2), STRIDE), zero = f32x4.splat(0);
  let largest = zero, scale = zero;
  for (let i = 0; i < 2 * cuts; i++) {
    const end = i < cuts ? lowEnd : highEnd;
    if (end == 0) continue;
    const level = (cut + by * <f32>(i < cuts ? i : i - cuts)) * end;
    explain(first, f32x4.div(f32x4.splat(level), extreme), least, most, isNonlinear);
    const wins = f32x4.gt(gain, largest);
    largest = v128.bitselect(gain, largest, wins);
    scale = v128.bitselect(found, scale, wins);
  }
  const start = v128.load(scales + (first << 2));
  const within = errorsOf(first, STRIDE, start, zero, least, most, isNonlinear);
  let best = start, error = within;
  for (let pass = 0; pass < 2; pass++) {
    const half = halves(scale);
    const tried = errorsOf(first, STRIDE, half, zero, least, most, isNonlinear);
    const wins = f32x4.lt(tried, error);
    best = v128.bitselect(half, best, wins);
    error = v128.bitselect(tried, error, wins);
    explain(first, inverseOf(half), least, most, isNonlinear);
    scale = found;
  }
  const nothing = f32x4.lt(f32x4.abs(extreme), f32x4.splat(NOTHING));
  v128.store(scales + (first << 2), v128.bitselect(start, best, nothing));
  stretch(first, best, zero, within, least, most, isNonlinear);
  v128.store(WRITTEN_SCALES + (first << 2), v128.bitselect(start, v128.load(WRITTEN_SCALES + (first << 2)), nothing));
}

const FACTORS: usize = memory.data(64, 16);
const LANES: usize = memory.data(64, 16);

// @ts-ignore: decorator
@inline
function timesFactor(x: f32, lane: usize): f32 {
  return halfOf(<f32>(<f64>x * load<f64>(FACTORS + (lane << 3))));
}

// @ts-ignore: decorator
@inline
function timesFactors(x: v128): v128 {
  let product = f32x4.splat(timesFactor(f32x4.extract_lane(x, 0), 0));
  product = f32x4.replace_lane(product, 1, timesFactor(f32x4.extract_lane(x, 1), 1));
  product = f32x4.replace_lane(product, 2, timesFactor(f32x4.extract_lane(x, 2), 2));
  return f32x4.replace_lane(product, 3, timesFactor(f32x4.extract_lane(x, 3), 3));
}

/** Sets what is written for four blocks, so that values keep their size as far as the error stays within a limit. */
// @ts-ignore: decorator
@inline
function stretch(first: usize, scale: v128, minimum: v128, within: v128, least: f32, most: f32, isNonlinear: bool): void {
  const offset = f32x4.neg(minimum);
  sumUp(first, STRIDE, scale, offset, least, most, isNonlinear);
  v128.store(LANES, errors);
  v128.store(LANES + 16, products);
  v128.store(LANES + 32, squares);
  v128.store(LANES + 48, within);
  for (let lane: usize = 0; lane < 4; lane++) {
    const at = LANES + (lane << 2);
    store<f64>(FACTORS + (lane << 3), stretchWithin(load<f32>(at), load<f32>(at, 16), load<f32>(at, 32), load<f32>(at, 48)));
  }
  const newScale = timesFactors(scale), newMinimum = timesFactors(minimum);
  const found = errorsWith(first, STRIDE, scale, offset, newScale, f32x4.neg(newMinimum), least, most, isNonlinear);
  const wins = f32x4.le(found, within);
  v128.store(WRITTEN_SCALES + (first << 2), v128.bitselect(newScale, scale, wins));
  v128.store(WRITTEN_MINIMA + (first << 2), v128.bitselect(newMinimum, minimum, wins));
}

/** For the sixteen values of IQ4_NL. */
export function bestNonlinear(scales: usize): void {
  for (let first: usize = 0; first < 8; first += 4) bestScales(scales, first, 0, 0, 113, -127, 0.94, 0.03, 11, true);
}

/** For whole numbers from -half to half - 1. */
export function bestAroundZero(scales: usize, half: f32): void {
  const isFour = half == 8;
  for (let first: usize = 0; first < 8; first += 4) {
    bestScales(scales, first, -half, half - 1, half - 1, -half, isFour ? 0.94 : 0.97, isFour ? 0.03 : 0.02, isFour ? 11 : 9, false);
  }
}

/** For whole numbers from -127 to 127. */
export function bestInBytes(scales: usize): void {
  for (let first: usize = 0; first < 8; first += 4) bestScales(scales, first, -127, 127, 0, 127, 0.997, 0.003, 6, false);
}

/** What `fitLine` found, in the lanes where it is one. */
let slope: v128 = f32x4.splat(0);
let level0: v128 = f32x4.splat(0);
let isLine: v128 = f32x4.splat(0);

// @ts-ignore: decorator
@inline
function fitLine(first: usize, inverse: v128, offset: v128, most: f32): void {
  let sumW = f32x4.splat(0), sumA = sumW, sumAA = sumW, sumX = sumW, sumXA = sumW;
  for (let l: usize = 0; l < 1024; l += STRIDE) {
    const x = v128.load(TURNED + (first << 2) + l), w = v128.load(IMPORTANCE + (first << 2) + l);
    const level = codeAt(x, offset, inverse, 0, most);
    const weighted = f32x4.mul(w, level);
    sumW = f32x4.add(sumW, w);
    sumA = f32x4.add(sumA, weighted);
    sumAA = f32x4.add(sumAA, f32x4.mul(weighted, level));
    sumX = f32x4.add(sumX, f32x4.mul(w, x));
    sumXA = f32x4.add(sumXA, f32x4.mul(weighted, x));
  }
  const determinant = f32x4.sub(f32x4.mul(sumW, sumAA), f32x4.mul(sumA, sumA));
  isLine = f32x4.gt(determinant, f32x4.splat(0));
  slope = f32x4.div(f32x4.sub(f32x4.mul(sumW, sumXA), f32x4.mul(sumX, sumA)), determinant);
  level0 = f32x4.div(f32x4.sub(f32x4.mul(sumAA, sumX), f32x4.mul(sumA, sumXA)), determinant);
}

/** As `bestAroundZero`, with minima: both ends of the range are cut off by as much. */
export function bestFromMinimum(scales: usize, minima: usize, most: f32): void {
  const isFour = most == 15;
  const cut: f32 = isFour ? 0.94 : 0.97, by: f32 = isFour ? 0.03 : 0.02, cuts = isFour ? 11 : 9;
  for (let first: usize = 0; first < 8; first += 4) {
    let low = v128.load(TURNED + (first << 2)), high = low;
    for (let l: usize = 0; l < 1024; l += STRIDE) {
      const x = v128.load(TURNED + (first << 2) + l);
      low = f32x4.pmin(low, x);
      high = f32x4.pmax(high, x);
    }
    const range = f32x4.sub(high, low), middle = f32x4.mul(f32x4.add(low, high), f32x4.splat(0.5));
    const startScale = v128.load(scales + (first << 2)), startMinimum = v128.load(minima + (first << 2));
    let scale = startScale, minimum = startMinimum, smallest = f32x4.splat(f32.POSITIVE_INFINITY);
    for (let i = 0; i < cuts; i++) {
      const inverse = f32x4.div(f32x4.splat((cut + by * <f32>i) * most), range);
      fitLine(first, inverse, f32x4.sub(f32x4.div(f32x4.splat(most * 0.5), inverse), middle), most);
      const error = errorsOf(first, STRIDE, slope, f32x4.neg(level0), 0, most, false);
      const wins = v128.and(isLine, f32x4.lt(error, smallest));
      smallest = v128.bitselect(error, smallest, wins);
      scale = v128.bitselect(slope, scale, wins);
      minimum = v128.bitselect(level0, minimum, wins);
    }
    let bestScale = startScale, bestMinimum = startMinimum;
    const within = errorsOf(first, STRIDE, startScale, f32x4.neg(startMinimum), 0, most, false);
    let error = within;
    for (let pass = 0; pass < 2; pass++) {
      const halfScale = halves(scale), halfMinimum = halves(minimum);
      const tried = errorsOf(first, STRIDE, halfScale, f32x4.neg(halfMinimum), 0, most, false);
      const wins = f32x4.lt(tried, error);
      bestScale = v128.bitselect(halfScale, bestScale, wins);
      bestMinimum = v128.bitselect(halfMinimum, bestMinimum, wins);
      error = v128.bitselect(tried, error, wins);
      fitLine(first, inverseOf(halfScale), f32x4.neg(halfMinimum), most);
      scale = v128.bitselect(slope, scale, isLine);
      minimum = v128.bitselect(level0, minimum, isLine);
    }
    const some = f32x4.gt(range, f32x4.splat(0));
    v128.store(scales + (first << 2), v128.bitselect(bestScale, startScale, some));
    v128.store(minima + (first << 2), v128.bitselect(bestMinimum, startMinimum, some));
    stretch(first, bestScale, bestMinimum, within, 0, most, false);
    v128.store(WRITTEN_SCALES + (first << 2), v128.bitselect(v128.load(WRITTEN_SCALES + (first << 2)), startScale, some));
    v128.store(WRITTEN_MINIMA + (first << 2), v128.bitselect(v128.load(WRITTEN_MINIMA + (first << 2)), startMinimum, some));
  }
}
