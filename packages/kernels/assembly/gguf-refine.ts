// Better scales for ggml's K-types than its reference finds, at the same bytes. Twin of kernels/reference/ggml/refine.ts.
import { halfBits } from './gguf';
import { halfValue, TURNED } from './gguf-lanes';
import { errors, errorsWith, products, squares, stretchWithin, sumUp } from './gguf-stretch';
import { nearestValue } from './gguf-tables';
import { IMPORTANCE } from './gguf-weights';

/** Of each part, as codes; the best so far behind them. */
export const SCALE_CODES: usize = memory.data(64, 16);
export const MINIMA: usize = memory.data(64, 16);
const BEST_SCALES: usize = memory.data(64, 16);
const BEST_MINIMA: usize = memory.data(64, 16);
const ERRORS: usize = memory.data(64, 16);
/** Before a pass. */
const ERRORS_BEFORE: usize = memory.data(64, 16);

/** What codes of scales and of minima are multiplied by. */
export let d: f32 = 0;
export let m: f32 = 0;

/** What is written in their place: see `stretch`. */
export let writtenD: f32 = 0;
export let writtenM: f32 = 0;

const PASSES = 4;

export function setHalves(scale: f32, minimum: f32): void {
  d = writtenD = scale;
  m = writtenM = minimum;
}

// @ts-ignore: decorator
@inline
function asHalf(value: f64): f32 {
  return halfValue(halfBits(<f32>value));
}

// @ts-ignore: decorator
@inline
export function codeAt(x: v128, offset: v128, inverse: v128, least: f32, most: f32): v128 {
  const rounded = f32x4.nearest(f32x4.mul(f32x4.add(x, offset), inverse));
  return f32x4.pmin(f32x4.pmax(rounded, f32x4.splat(least)), f32x4.splat(most));
}

/** 0 for 0. */
// @ts-ignore: decorator
@inline
export function inverseOf(scale: v128): v128 {
  return v128.and(f32x4.div(f32x4.splat(1), scale), f32x4.ne(scale, f32x4.splat(0)));
}

// @ts-ignore: decorator
@inline
function errorOf(x: v128, w: v128, scale: v128, inverse: v128, offset: v128, least: f32, most: f32, isNonlinear: bool): v128 {
  const level = isNonlinear ? nearestValue(f32x4.mul(f32x4.add(x, offset), inverse)) : codeAt(x, offset, inverse, least, most);
  const diff = f32x4.sub(f32x4.sub(f32x4.mul(scale, level), offset), x);
  return f32x4.mul(w, f32x4.mul(diff, diff));
}

/** Weighted squared errors of four parts with the best codes from `least` to `most`, or the best of the sixteen values. */
// @ts-ignore: decorator
@inline
export function errorsOf(first: usize, stride: usize, scale: v128, offset: v128, least: f32, most: f32, isNonlinear: bool): v128 {
  const inverse = inverseOf(scale);
  let error = f32x4.splat(0);
  for (let l: usize = 0; l < 1024; l += stride) {
    const x = v128.load(TURNED + (first << 2) + l), w = v128.load(IMPORTANCE + (first << 2) + l);
    error = f32x4.add(error, errorOf(x, w, scale, inverse, offset, least, most, isNonlinear));
  }
  return error;
}

/** Of three tries at once, which share what is loaded. */
let lower: v128 = f32x4.splat(0);
let middle: v128 = f32x4.splat(0);
let upper: v128 = f32x4.splat(0);

/** Sets the three to `errorsOf` three scales or offsets. */
// @ts-ignore: decorator
@inline
function errorsOfThree(
  first: usize,
  stride: usize,
  scaleA: v128,
  scaleB: v128,
  scaleC: v128,
  offsetA: v128,
  offsetB: v128,
  offsetC: v128,
  least: f32,
  most: f32,
  isNonlinear: bool,
): void {
  const inverseA = inverseOf(scaleA), inverseB = inverseOf(scaleB), inverseC = inverseOf(scaleC);
  let a = f32x4.splat(0), b = a, c = a;
  for (let l: usize = 0; l < 1024; l += stride) {
    const x = v128.load(TURNED + (first << 2) + l), w = v128.load(IMPORTANCE + (first << 2) + l);
    a = f32x4.add(a, errorOf(x, w, scaleA, inverseA, offsetA, least, most, isNonlinear));
    b = f32x4.add(b, errorOf(x, w, scaleB, inverseB, offsetB, least, most, isNonlinear));
    c = f32x4.add(c, errorOf(x, w, scaleC, inverseC, offsetC, least, most, isNonlinear));
  }
  lower = a;
  middle = b;
  upper = c;
}

// @ts-ignore: decorator
@inline
function clamp(x: v128, least: f32, most: f32): v128 {
  return f32x4.pmin(f32x4.pmax(x, f32x4.splat(least)), f32x4.splat(most));
}

// @ts-ignore: decorator
@inline
function load4(from: usize, first: usize): v128 {
  return f32x4.convert_i32x4_s(v128.load(from + (first << 2)));
}

// @ts-ignore: decorator
@inline
function store4(to: usize, first: usize, values: v128): void {
  v128.store(to + (first << 2), i32x4.trunc_sat_f32x4_s(values));
}

/** The total, part by part. */
function totalOf(errors: usize, parts: usize): f32 {
  let total: f32 = 0;
  for (let j: usize = 0; j < parts; j++) total += load<f32>(errors + (j << 2));
  return total;
}

function keep(parts: usize): void {
  memory.copy(BEST_SCALES, SCALE_CODES, parts << 2);
  memory.copy(BEST_MINIMA, MINIMA, parts << 2);
}

function restore(parts: usize): void {
  memory.copy(SCALE_CODES, BEST_SCALES, parts << 2);
  memory.copy(MINIMA, BEST_MINIMA, parts << 2);
}

/** What is best so far of four parts. */
let least4: v128 = f32x4.splat(0);
let scales4: v128 = f32x4.splat(0);
let minima4: v128 = f32x4.splat(0);

// @ts-ignore: decorator
@inline
function keepBetter(error: v128, scales: v128, minima: v128): void {
  const wins = f32x4.lt(error, least4);
  least4 = v128.bitselect(error, least4, wins);
  scales4 = v128.bitselect(scales, scales4, wins);
  minima4 = v128.bitselect(minima, minima4, wins);
}

// @ts-ignore: decorator
@inline
function storeBest(first: usize): void {
  store4(SCALE_CODES, first, scales4);
  store4(MINIMA, first, minima4);
  v128.store(ERRORS + (first << 2), least4);
}

/** Scales and minima one step up or down, where that is better. */
function improveWithMinimum(first: usize, stride: usize, most: f32, mostScale: f32): void {
  const scales = load4(SCALE_CODES, first), minima = load4(MINIMA, first), ds = f32x4.splat(d), ms = f32x4.splat(m), one = f32x4.splat(1);
  const below = clamp(f32x4.sub(minima, one), 0, mostScale), above = clamp(f32x4.add(minima, one), 0, mostScale);
  const offset = f32x4.mul(ms, minima), offsetBelow = f32x4.mul(ms, below), offsetAbove = f32x4.mul(ms, above);
  scales4 = scales;
  minima4 = minima;
  for (let i = 0; i < 3; i++) {
    const tried = i == 0 ? scales : clamp(i == 1 ? f32x4.sub(scales, one) : f32x4.add(scales, one), 0, mostScale), scale = f32x4.mul(ds, tried);
    errorsOfThree(first, stride, scale, scale, scale, offsetBelow, offset, offsetAbove, 0, most, false);
    if (i == 0) {
      least4 = middle;
      v128.store(ERRORS_BEFORE + (first << 2), middle);
    } else keepBetter(middle, tried, minima);
    keepBetter(lower, tried, below);
    keepBetter(upper, tried, above);
  }
  storeBest(first);
}

const SUM_W: usize = memory.data(16, 16);
const SUM_A: usize = memory.data(16, 16);
const SUM_AA: usize = memory.data(16, 16);
const SUM_X: usize = memory.data(16, 16);
const SUM_XA: usize = memory.data(16, 16);

/** The halves that are best for given codes, by least squares. False where there are none. */
function refitWithMinimum(parts: usize, stride: usize, most: f32): bool {
  let aa: f64 = 0, ab: f64 = 0, bb: f64 = 0, xa: f64 = 0, xb: f64 = 0;
  for (let first: usize = 0; first < parts; first += 4) {
    const scales = load4(SCALE_CODES, first), offset = f32x4.mul(f32x4.splat(m), load4(MINIMA, first));
    const inverse = inverseOf(f32x4.mul(f32x4.splat(d), scales));
    let sumW = f32x4.splat(0), sumA = sumW, sumAA = sumW, sumX = sumW, sumXA = sumW;
    for (let l: usize = 0; l < 1024; l += stride) {
      const x = v128.load(TURNED + (first << 2) + l), w = v128.load(IMPORTANCE + (first << 2) + l);
      const a = f32x4.mul(scales, codeAt(x, offset, inverse, 0, most));
      const wa = f32x4.mul(w, a);
      sumW = f32x4.add(sumW, w);
      sumA = f32x4.add(sumA, wa);
      sumAA = f32x4.add(sumAA, f32x4.mul(wa, a));
      sumX = f32x4.add(sumX, f32x4.mul(w, x));
      sumXA = f32x4.add(sumXA, f32x4.mul(wa, x));
    }
    v128.store(SUM_W, sumW);
    v128.store(SUM_A, sumA);
    v128.store(SUM_AA, sumAA);
    v128.store(SUM_X, sumX);
    v128.store(SUM_XA, sumXA);
    for (let lane: usize = 0; lane < 16; lane += 4) {
      const minimum = <f64>load<i32>(MINIMA + (first << 2) + lane);
      aa += <f64>load<f32>(SUM_AA + lane);
      ab += minimum * <f64>load<f32>(SUM_A + lane);
      bb += <f64>load<f32>(SUM_W + lane) * minimum * minimum;
      xa += <f64>load<f32>(SUM_XA + lane);
      xb += minimum * <f64>load<f32>(SUM_X + lane);
    }
  }
  const determinant = aa * bb - ab * ab;
  if (!(determinant > 0)) return false;
  setHalves(asHalf((xa * bb - ab * xb) / determinant), asHalf((ab * xa - aa * xb) / determinant));
  return d > 0 && m >= 0;
}

/** Of values in TURNED, from scales and minima as the reference has them. The error stays within a share of theirs. */
export function refineWithMinimum(parts: usize, stride: usize, most: f32, mostScale: f32, share: f64): void {
  for (let first: usize = 0; first < parts; first += 4) improveWithMinimum(first, stride, most, mostScale);
  const within = share * <f64>totalOf(ERRORS_BEFORE, parts);
  refitAll(parts, stride, most, mostScale);
  stretch(parts, stride, 0, most, false, within);
}

function refitAll(parts: usize, stride: usize, most: f32, mostScale: f32): void {
  let total = totalOf(ERRORS, parts);
  for (let pass = 0; pass < PASSES; pass++) {
    const bestD = d, bestM = m;
    keep(parts);
    let better = refitWithMinimum(parts, stride, most);
    if (better) {
      for (let first: usize = 0; first < parts; first += 4) improveWithMinimum(first, stride, most, mostScale);
      const found = totalOf(ERRORS, parts);
      better = found < total;
      if (better) total = found;
    }
    if (better) continue;
    setHalves(bestD, bestM);
    restore(parts);
    return;
  }
}

/** Scales one step up or down, and with the other sign if that is asked for, where that is better. */
// @ts-ignore: decorator
@inline
function improveAroundZero(first: usize, stride: usize, half: f32, mostScale: f32, isNonlinear: bool, turns: bool): void {
  const scales = load4(SCALE_CODES, first), zero = f32x4.splat(0);
  scales4 = scales;
  minima4 = zero;
  errorsAround(first, stride, scales, half, mostScale, isNonlinear);
  least4 = middle;
  v128.store(ERRORS_BEFORE + (first << 2), middle);
  keepBetter(lower, stepped(scales, -1, mostScale), zero);
  keepBetter(upper, stepped(scales, 1, mostScale), zero);
  if (turns) {
    const turned = f32x4.neg(scales);
    errorsAround(first, stride, turned, half, mostScale, isNonlinear);
    keepBetter(lower, stepped(turned, -1, mostScale), zero);
    keepBetter(middle, stepped(turned, 0, mostScale), zero);
    keepBetter(upper, stepped(turned, 1, mostScale), zero);
  }
  storeBest(first);
}

// @ts-ignore: decorator
@inline
function stepped(scales: v128, by: f32, mostScale: f32): v128 {
  return clamp(f32x4.add(scales, f32x4.splat(by)), -mostScale, mostScale - 1);
}

// @ts-ignore: decorator
@inline
function errorsAround(first: usize, stride: usize, scales: v128, half: f32, mostScale: f32, isNonlinear: bool): void {
  const ds = f32x4.splat(d), zero = f32x4.splat(0);
  const a = f32x4.mul(ds, stepped(scales, -1, mostScale)), b = f32x4.mul(ds, stepped(scales, 0, mostScale)), c = f32x4.mul(ds, stepped(scales, 1, mostScale));
  errorsOfThree(first, stride, a, b, c, zero, zero, zero, -half, half - 1, isNonlinear);
}

// @ts-ignore: decorator
@inline
function refitAroundZero(parts: usize, stride: usize, half: f32, isNonlinear: bool): bool {
  let aa: f64 = 0, xa: f64 = 0;
  for (let first: usize = 0; first < parts; first += 4) {
    const scales = load4(SCALE_CODES, first), zero = f32x4.splat(0);
    const inverse = inverseOf(f32x4.mul(f32x4.splat(d), scales));
    let sumAA = zero, sumXA = zero;
    for (let l: usize = 0; l < 1024; l += stride) {
      const x = v128.load(TURNED + (first << 2) + l);
      const a = f32x4.mul(scales, isNonlinear ? nearestValue(f32x4.mul(f32x4.add(x, zero), inverse)) : codeAt(x, zero, inverse, -half, half - 1));
      const wa = f32x4.mul(v128.load(IMPORTANCE + (first << 2) + l), a);
      sumAA = f32x4.add(sumAA, f32x4.mul(wa, a));
      sumXA = f32x4.add(sumXA, f32x4.mul(wa, x));
    }
    v128.store(SUM_AA, sumAA);
    v128.store(SUM_XA, sumXA);
    for (let lane: usize = 0; lane < 16; lane += 4) {
      aa += <f64>load<f32>(SUM_AA + lane);
      xa += <f64>load<f32>(SUM_XA + lane);
    }
  }
  if (!(aa > 0)) return false;
  d = asHalf(xa / aa);
  return d != 0;
}

// @ts-ignore: decorator
@inline
function refineScales(parts: usize, stride: usize, half: f32, mostScale: f32, isNonlinear: bool, passes: i32, share: f64): void {
  let total: f32 = 0, within: f64 = 0;
  for (let pass = 0; pass <= passes; pass++) {
    const bestD = d;
    keep(parts);
    let better = pass == 0 || refitAroundZero(parts, stride, half, isNonlinear);
    if (better) {
      for (let first: usize = 0; first < parts; first += 4) improveAroundZero(first, stride, half, mostScale, isNonlinear, pass == 0);
      const found = totalOf(ERRORS, parts);
      better = pass == 0 || found < total;
      if (better) total = found;
      if (pass == 0) within = share * <f64>totalOf(ERRORS_BEFORE, parts);
    }
    if (better) continue;
    d = bestD;
    restore(parts);
    break;
  }
  stretch(parts, stride, -half, half - 1, isNonlinear, within);
}

/** Sets what is written for the halves, so that values keep their size as far as the error stays within a limit. */
// @ts-ignore: decorator
@inline
function stretch(parts: usize, stride: usize, least: f32, most: f32, isNonlinear: bool, within: f64): void {
  writtenD = d;
  writtenM = m;
  let error: f64 = 0, product: f64 = 0, square: f64 = 0;
  for (let first: usize = 0; first < parts; first += 4) {
    sumUp(first, stride, f32x4.mul(f32x4.splat(d), load4(SCALE_CODES, first)), f32x4.mul(f32x4.splat(m), load4(MINIMA, first)), least, most, isNonlinear);
    error = addUp(error, errors);
    product = addUp(product, products);
    square = addUp(square, squares);
  }
  const by = stretchWithin(error, product, square, within);
  if (by == 1) return;
  const scale = asHalf(<f64>d * by), minimum = asHalf(<f64>m * by);
  let found: f64 = 0;
  for (let first: usize = 0; first < parts; first += 4) {
    const scales = load4(SCALE_CODES, first), minima = load4(MINIMA, first);
    const oldScale = f32x4.mul(f32x4.splat(d), scales), oldMinimum = f32x4.mul(f32x4.splat(m), minima);
    const newScale = f32x4.mul(f32x4.splat(scale), scales), newMinimum = f32x4.mul(f32x4.splat(minimum), minima);
    found = addUp(found, errorsWith(first, stride, oldScale, oldMinimum, newScale, newMinimum, least, most, isNonlinear));
  }
  if (!(found <= within)) return;
  writtenD = scale;
  writtenM = minimum;
}

// @ts-ignore: decorator
@inline
function addUp(total: f64, four: v128): f64 {
  total += <f64>f32x4.extract_lane(four, 0);
  total += <f64>f32x4.extract_lane(four, 1);
  total += <f64>f32x4.extract_lane(four, 2);
  return total + <f64>f32x4.extract_lane(four, 3);
}

/** As `refineWithMinimum`, for sixteen parts around zero, at most `passes` times. */
export function refineAroundZero(half: f32, mostScale: f32, passes: i32, share: f64): void {
  refineScales(16, 64, half, mostScale, false, passes, share);
}

/** The same for eight parts of IQ4_XS. */
export function refineNonlinear(passes: i32): void {
  refineScales(8, 32, 0, 32, true, passes, 1);
}

/** Of the reference's squared error, where few bits leave much to win. */
export const FEW_BITS: f64 = 0.96;

/** Around zero, ggml searches longer where importances are known; so do we. */
// @ts-ignore: decorator
@inline
export function passesFor(importance: usize): i32 {
  return importance != 0 ? 4 : 1;
}
