// GGUF's Q2_K, Q4_K and Q5_K, byte for byte those of ggml's reference quantizer. Twins of kernels/reference/ggml/k-quants-with-minimum.ts.
import { halfBits } from './gguf';
import { CODES, halfValue, nearestCodes, nearestInt, packHalves, packTwoBits, sixteenBytes, turn, TURNED } from './gguf-lanes';
import { d, FEW_BITS, m, MINIMA, refineWithMinimum, SCALE_CODES, setHalves, writtenD, writtenM } from './gguf-refine';
import { fitScales } from './gguf-scales';
import { meanSquare, turnImportance, weighLarge, WEIGHTS } from './gguf-weights';

/** Codes of the try that is being judged, as floats, in the arrangement of TURNED. */
const TRIED: usize = memory.data(1024, 16);
/** Of each part: sum of the weights, scale, minimum (as a positive number), and the search's own start and inverse scale, from which its codes follow. */
const SUMS: usize = memory.data(64, 16);
export const SCALES: usize = memory.data(64, 16);
export const MINS: usize = memory.data(64, 16);
export const STARTS: usize = memory.data(64, 16);
export const INVERSES: usize = memory.data(64, 16);

// @ts-ignore: decorator
@inline
function stepsOf(x: v128, low: v128, inverse: v128, most: f32): v128 {
  const rounded = f32x4.nearest(f32x4.mul(inverse, f32x4.sub(x, low)));
  return f32x4.pmin(f32x4.pmax(rounded, f32x4.splat(0)), f32x4.splat(most));
}

// @ts-ignore: decorator
@inline
function errorOf(diff: v128, isAbsolute: bool): v128 {
  return isAbsolute ? f32x4.abs(diff) : f32x4.mul(diff, diff);
}

/** ggml's weights where importances are not known: magnitudes, and for squared errors the root mean square besides. */
// @ts-ignore: decorator
@inline
function weighPlain(first: usize, stride: usize, span: usize, isAbsolute: bool): void {
  const x0 = TURNED + (first << 2), w0 = WEIGHTS + (first << 2);
  let average = f32x4.splat(0);
  if (!isAbsolute) {
    let squares = f32x4.splat(0);
    for (let l: usize = 0; l < span; l += stride) {
      const x = v128.load(x0 + l);
      squares = f32x4.add(squares, f32x4.mul(x, x));
    }
    average = f32x4.sqrt(f32x4.mul(squares, f32x4.splat(1.0 / 32.0)));
  }
  for (let l: usize = 0; l < span; l += stride) {
    const magnitude = f32x4.abs(v128.load(x0 + l));
    v128.store(w0 + l, isAbsolute ? magnitude : f32x4.add(average, magnitude));
  }
}

/** ggml's make_qkx2_quants and make_qkx3_quants for four parts, each lane in its order. Values lie `stride` bytes apart, `span` in all. */
// @ts-ignore: decorator
@inline
function search(first: usize, stride: usize, span: usize, most: f32, from: f32, by: f32, tries: i32, isAbsolute: bool): void {
  const x0 = TURNED + (first << 2), w0 = WEIGHTS + (first << 2);
  let low = v128.load(x0), high = low, sumW = f32x4.splat(0), sumX = sumW;
  for (let l: usize = 0; l < span; l += stride) {
    const x = v128.load(x0 + l), w = v128.load(w0 + l);
    low = f32x4.pmin(low, x);
    high = f32x4.pmax(high, x);
    sumW = f32x4.add(sumW, w);
    sumX = f32x4.add(sumX, f32x4.mul(w, x));
  }
  low = f32x4.pmin(low, f32x4.splat(0));
  const flat = f32x4.eq(high, low);
  let inverse = f32x4.div(f32x4.splat(most), f32x4.sub(high, low));
  let scale = f32x4.div(f32x4.splat(1), inverse), bestInverse = inverse, bestLow = low, best = f32x4.splat(0);
  for (let l: usize = 0; l < span; l += stride) {
    const x = v128.load(x0 + l);
    const diff = f32x4.sub(f32x4.add(f32x4.mul(scale, stepsOf(x, low, inverse, most)), low), x);
    best = f32x4.add(best, f32x4.mul(v128.load(w0 + l), errorOf(diff, isAbsolute)));
  }
  for (let step = 0; step <= tries; step++) {
    inverse = f32x4.div(f32x4.splat(from + by * <f32>step + most), f32x4.sub(high, low));
    let sumL = f32x4.splat(0), sumLL = sumL, sumXL = sumL;
    for (let l: usize = 0; l < span; l += stride) {
      const x = v128.load(x0 + l);
      const code = stepsOf(x, low, inverse, most);
      v128.store(TRIED + l, code);
      const wl = f32x4.mul(v128.load(w0 + l), code);
      sumL = f32x4.add(sumL, wl);
      sumLL = f32x4.add(sumLL, f32x4.mul(wl, code));
      sumXL = f32x4.add(sumXL, f32x4.mul(wl, x));
    }
    const determinant = f32x4.sub(f32x4.mul(sumW, sumLL), f32x4.mul(sumL, sumL));
    let thisScale = f32x4.div(f32x4.sub(f32x4.mul(sumW, sumXL), f32x4.mul(sumX, sumL)), determinant);
    let thisMin = f32x4.div(f32x4.sub(f32x4.mul(sumLL, sumX), f32x4.mul(sumL, sumXL)), determinant);
    const above = f32x4.gt(thisMin, f32x4.splat(0));
    thisMin = v128.andnot(thisMin, above);
    thisScale = v128.bitselect(f32x4.div(sumXL, sumLL), thisScale, above);
    let error = f32x4.splat(0);
    for (let l: usize = 0; l < span; l += stride) {
      const x = v128.load(x0 + l);
      const diff = f32x4.sub(f32x4.add(f32x4.mul(thisScale, v128.load(TRIED + l)), thisMin), x);
      error = f32x4.add(error, f32x4.mul(v128.load(w0 + l), errorOf(diff, isAbsolute)));
    }
    const wins = v128.and(f32x4.gt(determinant, f32x4.splat(0)), f32x4.lt(error, best));
    best = v128.bitselect(error, best, wins);
    scale = v128.bitselect(thisScale, scale, wins);
    bestInverse = v128.bitselect(inverse, bestInverse, wins);
    bestLow = v128.bitselect(low, bestLow, wins);
    // As in ggml, the steps that follow start from the minimum that won.
    low = v128.bitselect(thisMin, low, wins);
  }
  v128.store(SUMS + (first << 2), sumW);
  v128.store(SCALES + (first << 2), v128.andnot(scale, flat));
  v128.store(MINS + (first << 2), f32x4.neg(low));
  v128.store(STARTS + (first << 2), bestLow);
  v128.store(INVERSES + (first << 2), v128.andnot(bestInverse, flat));
}

/** The search where importances are known. */
export function searchWeighted(first: usize, stride: usize, most: f32): void {
  search(first, stride, 1024, most, -0.9, 0.05, 36, false);
}

/** Sixteen codes of part j; where its scale came out as zero, those of the search. */
// @ts-ignore: decorator
@inline
function sixteenCodes(values: usize, d: f32, minimum: f32, j: usize, most: i32): v128 {
  const a = v128.load(values), b = v128.load(values, 16), c = v128.load(values, 32), e = v128.load(values, 48);
  if (d == 0) {
    const low = f32x4.splat(load<f32>(STARTS + (j << 2))), inverse = f32x4.splat(load<f32>(INVERSES + (j << 2))), top = <f32>most;
    return sixteenBytes(
      i32x4.trunc_sat_f32x4_s(stepsOf(a, low, inverse, top)),
      i32x4.trunc_sat_f32x4_s(stepsOf(b, low, inverse, top)),
      i32x4.trunc_sat_f32x4_s(stepsOf(c, low, inverse, top)),
      i32x4.trunc_sat_f32x4_s(stepsOf(e, low, inverse, top)),
    );
  }
  const scale = f32x4.splat(d), m = f32x4.splat(minimum);
  return sixteenBytes(
    nearestCodes(f32x4.div(f32x4.add(a, m), scale), 0, most),
    nearestCodes(f32x4.div(f32x4.add(b, m), scale), 0, most),
    nearestCodes(f32x4.div(f32x4.add(c, m), scale), 0, most),
    nearestCodes(f32x4.div(f32x4.add(e, m), scale), 0, most),
  );
}

/** Of `parts` numbers, at least 0. */
// @ts-ignore: decorator
@inline
function largestOf(from: usize, parts: usize): f32 {
  let largest: f32 = 0;
  for (let j: usize = 0; j < parts; j++) {
    const value = load<f32>(from + (j << 2));
    if (value > largest) largest = value;
  }
  return largest;
}

// @ts-ignore: decorator
@inline
function pickScale(j: usize, inverse: f32, from: usize, most: i32): i32 {
  return min(most, nearestInt(inverse * load<f32>(from + (j << 2))) & 255);
}

// @ts-ignore: decorator
@inline
function pickScales(parts: usize, inverseScale: f32, inverseMin: f32, most: i32): void {
  for (let j: usize = 0; j < parts; j++) {
    store<i32>(SCALE_CODES + (j << 2), pickScale(j, inverseScale, SCALES, most));
    store<i32>(MINIMA + (j << 2), pickScale(j, inverseMin, MINS, most));
  }
}

// @ts-ignore: decorator
@inline
function inverseOf(largest: f32, most: f32): f32 {
  return largest > 0 ? most / largest : 0;
}

/** Halves and codes for the scales and minima of all parts; with importances, errors of parts count as much as their weights. */
// @ts-ignore: decorator
@inline
function roundScales(parts: usize, most: i32, isWeighted: bool): void {
  if (isWeighted) {
    const scale = fitScales(SCALES, SUMS, parts, most, SCALE_CODES);
    setHalves(halfValue(halfBits(scale)), halfValue(halfBits(fitScales(MINS, SUMS, parts, most, MINIMA))));
    return;
  }
  const maxScale = largestOf(SCALES, parts), maxMin = largestOf(MINS, parts);
  setHalves(halfValue(halfBits(maxScale / <f32>most)), halfValue(halfBits(maxMin / <f32>most)));
  pickScales(parts, inverseOf(maxScale, <f32>most), inverseOf(maxMin, <f32>most), most);
}

export function quantizeQ2_K(values: usize, blocks: i32, out: usize, isBest: bool, importance: usize): void {
  for (; blocks > 0; blocks--) {
    if (importance != 0) weighLarge(values, importance, meanSquare(values, 256, 1), 64);
    for (let first: usize = 0; first < 16; first += 4) {
      turn(values, first, 64, 64);
      if (importance != 0) {
        searchWeighted(first, 64, 3);
      } else {
        weighPlain(first, 64, 1024, true);
        search(first, 64, 1024, 3, -0.5, 0.1, 15, true);
      }
    }
    roundScales(16, 15, importance != 0);
    if (isBest) {
      turnImportance(importance, 64);
      refineWithMinimum(16, 64, 3, 15, FEW_BITS);
    }
    store<u16>(out, halfBits(writtenD), 80);
    store<u16>(out, halfBits(writtenM), 82);
    for (let j: usize = 0; j < 16; j++) {
      const scale = load<i32>(SCALE_CODES + (j << 2)), minimum = load<i32>(MINIMA + (j << 2));
      store<u8>(out + j, scale | (minimum << 4));
      v128.store(CODES + (j << 4), sixteenCodes(values + (j << 6), d * <f32>scale, m * <f32>minimum, j, 3));
    }
    packTwoBits(out + 16);
    values += 1024;
    out += 84;
    if (importance != 0) importance += 1024;
  }
}

// @ts-ignore: decorator
@inline
function searchInSixBits(values: usize, most: f32, from: f32, tries: i32, importance: usize): void {
  if (importance != 0) weighLarge(values, importance, meanSquare(values, 256, 2), 128);
  for (let first: usize = 0; first < 8; first += 4) {
    turn(values, first, 128, 32);
    if (importance != 0) {
      searchWeighted(first, 32, most);
    } else {
      weighPlain(first, 32, 1024, false);
      search(first, 32, 1024, most, from, 0.1, tries, false);
    }
  }
}

export function quantizeQ4_K(values: usize, blocks: i32, out: usize, isBest: bool, importance: usize): void {
  for (; blocks > 0; blocks--) {
    searchInSixBits(values, 15, -1, 20, importance);
    inSixBits(values, out, 15, isBest, importance);
    packHalves(out + 16, 32);
    values += 1024;
    out += 144;
    if (importance != 0) importance += 1024;
  }
}

export function quantizeQ5_K(values: usize, blocks: i32, out: usize, isBest: bool, importance: usize): void {
  for (; blocks > 0; blocks--) {
    searchInSixBits(values, 31, -0.5, 15, importance);
    inSixBits(values, out, 31, isBest, importance);
    for (let i: usize = 0; i < 32; i += 16) {
      let high = i8x16.splat(0);
      for (let j = 7; j >= 0; j--) high = v128.or(i8x16.shl(high, 1), i8x16.shr_u(v128.load(CODES + (<usize>j << 5) + i), 4));
      v128.store(out + i, high, 16);
    }
    packHalves(out + 48, 32);
    values += 1024;
    out += 176;
    if (importance != 0) importance += 1024;
  }
}

/** Halves, scales and minima of eight parts, and the codes that are best with them. */
// @ts-ignore: decorator
@inline
function inSixBits(values: usize, out: usize, most: i32, isBest: bool, importance: usize): void {
  roundScales(8, 63, importance != 0);
  if (isBest) {
    turnImportance(importance, 128);
    refineWithMinimum(8, 32, <f32>most, 63, 1);
  }
  store<u16>(out, halfBits(writtenD));
  store<u16>(out, halfBits(writtenM), 2);
  memory.fill(out + 4, 0, 12);
  for (let j: usize = 0; j < 8; j++) {
    const scale = load<i32>(SCALE_CODES + (j << 2)), minimum = load<i32>(MINIMA + (j << 2));
    putScale(out + 4, j, scale, minimum);
    for (let part: usize = 0; part < 2; part++) {
      const codes = sixteenCodes(values + (j << 7) + (part << 6), d * <f32>scale, m * <f32>minimum, j, most);
      v128.store(CODES + (j << 5) + (part << 4), codes);
    }
  }
}

/** Six bits each for scale and minimum, in ggml's arrangement of 12 bytes. */
// @ts-ignore: decorator
@inline
function putScale(at: usize, j: usize, scale: i32, minimum: i32): void {
  if (j < 4) {
    store<u8>(at + j, scale);
    store<u8>(at + j, minimum, 4);
    return;
  }
  store<u8>(at + j, (scale & 15) | ((minimum & 15) << 4), 4);
  store<u8>(at + j - 4, load<u8>(at + j - 4) | ((scale >> 4) << 6));
  store<u8>(at + j, load<u8>(at + j) | ((minimum >> 4) << 6));
}
