// GGUF's Q3_K and Q6_K, byte for byte those of ggml's reference quantizer. Twins of kernels/reference/ggml/k-quants-around-zero.ts.
import { halfBits } from './gguf';
import { CODES, halfValue, nearestCodes, nearestInt, packHalves, packTwoBits, sixteenBytes, turn, TURNED } from './gguf-lanes';
import { d, FEW_BITS, passesFor, refineAroundZero, SCALE_CODES, setHalves, writtenD } from './gguf-refine';
import { fitSignedScales } from './gguf-scales';
import { meanSquare, turnImportance, turnParts, weighLarge, weighSquares, WEIGHTS } from './gguf-weights';

/** What ggml takes for zero. */
const NOTHING: f32 = 1e-15;

/** Of each part of 16: scale, and sum of the weights. */
const SCALES: usize = memory.data(64, 16);
const SUMS: usize = memory.data(64, 16);
/** Codes of the search, from 0 on: element l of part j at l * 64 + j * 4. They matter where a scale rounds to zero. */
const SEARCHED: usize = memory.data(1024, 16);

// @ts-ignore: decorator
@inline
export function extremesOf(x0: usize, stride: usize): v128 {
  let extreme = f32x4.splat(0);
  for (let l: usize = 0; l < 1024; l += stride) {
    const x = v128.load(x0 + l);
    extreme = v128.bitselect(x, extreme, f32x4.gt(f32x4.abs(x), f32x4.abs(extreme)));
  }
  return extreme;
}

// @ts-ignore: decorator
@inline
function clampedSteps(x: v128, inverse: v128, half: f32): v128 {
  const rounded = f32x4.nearest(f32x4.mul(inverse, x));
  return f32x4.pmin(f32x4.pmax(rounded, f32x4.splat(-half)), f32x4.splat(half - 1));
}

/** The scales that `searchTries` found, the inverses that their codes came from, and where all values are next to nothing. */
let scales: v128 = f32x4.splat(0);
let inverses: v128 = f32x4.splat(0);
let nothings: v128 = f32x4.splat(0);
/** How much of the values `scales` explain. */
let explained: v128 = f32x4.splat(0);
/** Values times their weights, in the arrangement of TURNED. */
const WEIGHTED: usize = memory.data(1024, 16);

/** Tenths of a level, of which only the last reach beyond the lowest code, and all from here on beyond the highest. */
const FIRST_ABOVE: i32 = -5;

// @ts-ignore: decorator
@inline
function codesOf(x: v128, inverse: v128, half: f32, isBelow: bool, isAbove: bool): v128 {
  let code = f32x4.nearest(f32x4.mul(inverse, x));
  if (isBelow) code = f32x4.pmax(code, f32x4.splat(-half));
  if (isAbove) code = f32x4.pmin(code, f32x4.splat(half - 1));
  return code;
}

/** The codes of the first inverse scale, and values times their weights. */
// @ts-ignore: decorator
@inline
function tryFirst(first: usize, stride: usize, inverse: v128, half: f32): void {
  const x0 = TURNED + (first << 2), w0 = WEIGHTS + (first << 2), p0 = WEIGHTED + (first << 2);
  let sumLX = f32x4.splat(0), sumLL = sumLX;
  for (let l: usize = 0; l < 1024; l += stride) {
    const x = v128.load(x0 + l), w = v128.load(w0 + l);
    const code = codesOf(x, inverse, half, false, true), product = f32x4.mul(w, x);
    v128.store(p0 + l, product);
    sumLX = f32x4.add(sumLX, f32x4.mul(product, code));
    sumLL = f32x4.add(sumLL, f32x4.mul(f32x4.mul(w, code), code));
  }
  scales = v128.and(f32x4.div(sumLX, sumLL), f32x4.ne(sumLL, f32x4.splat(0)));
  explained = f32x4.mul(scales, sumLX);
  inverses = inverse;
}

/** The codes of three more inverse scales, each kept where it explains more. Three at a time: the sums of one need not wait for those of another. */
// @ts-ignore: decorator
@inline
function tryThree(first: usize, stride: usize, extreme: v128, half: f32, step: i32, isBelow: bool, isAbove: bool): void {
  const x0 = TURNED + (first << 2), w0 = WEIGHTS + (first << 2), p0 = WEIGHTED + (first << 2);
  const i = inverseAt(step, half, extreme), j = inverseAt(step + 1, half, extreme), k = inverseAt(step + 2, half, extreme);
  let iLX = f32x4.splat(0), iLL = iLX, jLX = iLX, jLL = iLX, kLX = iLX, kLL = iLX;
  for (let l: usize = 0; l < 1024; l += stride) {
    const x = v128.load(x0 + l), w = v128.load(w0 + l), p = v128.load(p0 + l);
    const a = codesOf(x, i, half, isBelow, isAbove), b = codesOf(x, j, half, isBelow, isAbove), c = codesOf(x, k, half, isBelow, isAbove);
    iLX = f32x4.add(iLX, f32x4.mul(p, a));
    jLX = f32x4.add(jLX, f32x4.mul(p, b));
    kLX = f32x4.add(kLX, f32x4.mul(p, c));
    iLL = f32x4.add(iLL, f32x4.mul(f32x4.mul(w, a), a));
    jLL = f32x4.add(jLL, f32x4.mul(f32x4.mul(w, b), b));
    kLL = f32x4.add(kLL, f32x4.mul(f32x4.mul(w, c), c));
  }
  keepBetter(i, iLX, iLL);
  keepBetter(j, jLX, jLL);
  keepBetter(k, kLX, kLL);
}

// @ts-ignore: decorator
@inline
function keepBetter(inverse: v128, sumLX: v128, sumLL: v128): void {
  const found = f32x4.div(sumLX, sumLL);
  const wins = v128.and(f32x4.gt(sumLL, f32x4.splat(0)), f32x4.gt(f32x4.mul(sumLX, sumLX), f32x4.mul(explained, sumLL)));
  scales = v128.bitselect(found, scales, wins);
  explained = v128.bitselect(f32x4.mul(found, sumLX), explained, wins);
  inverses = v128.bitselect(inverse, inverses, wins);
}

/** ggml's make_qx_quants with 2 * half codes for four parts, each lane in its order. */
// @ts-ignore: decorator
@inline
function searchTries(first: usize, stride: usize, half: f32): void {
  const extreme = extremesOf(TURNED + (first << 2), stride);
  nothings = f32x4.lt(f32x4.abs(extreme), f32x4.splat(NOTHING));
  tryFirst(first, stride, f32x4.div(f32x4.splat(-half), extreme), half);
  tryThree(first, stride, extreme, half, -9, false, false);
  tryThree(first, stride, extreme, half, -6, false, true);
  tryThree(first, stride, extreme, half, -3, false, true);
  tryThree(first, stride, extreme, half, 1, false, true);
  tryThree(first, stride, extreme, half, 4, true, true);
  tryThree(first, stride, extreme, half, 7, true, true);
  scales = v128.andnot(scales, nothings);
}

// @ts-ignore: decorator
@inline
function inverseAt(step: i32, half: f32, extreme: v128): v128 {
  return f32x4.div(f32x4.splat(-(half + <f32>0.1 * <f32>step)), extreme);
}

/** For parts of 16. */
function searchByTries(first: usize, half: f32): void {
  searchTries(first, 64, half);
  let sum = f32x4.splat(0);
  for (let l: usize = 0; l < 1024; l += 64) {
    sum = f32x4.add(sum, v128.load(WEIGHTS + (first << 2) + l));
    const code = i32x4.trunc_sat_f32x4_s(f32x4.add(clampedSteps(v128.load(TURNED + (first << 2) + l), inverses, half), f32x4.splat(half)));
    v128.store(SEARCHED + (first << 2) + l, v128.andnot(code, nothings));
  }
  v128.store(SUMS + (first << 2), sum);
  v128.store(SCALES + (first << 2), scales);
}

/** Of eight blocks of 32: see `searchTries`. */
export const TRIED: usize = memory.data(32, 16);
export const FACTORS: usize = memory.data(32, 16);
export const NOTHINGS: usize = memory.data(32, 16);

export function searchBlocksByTries(half: f32): void {
  for (let first: usize = 0; first < 8; first += 4) {
    searchTries(first, 32, half);
    v128.store(TRIED + (first << 2), scales);
    v128.store(FACTORS + (first << 2), inverses);
    v128.store(NOTHINGS + (first << 2), nothings);
  }
}

/** ggml's make_q3_quants for four parts of 16, each lane in its order. */
function searchByTurns(first: usize): void {
  const x0 = TURNED + (first << 2), c0 = SEARCHED + (first << 2);
  const extreme = extremesOf(x0, 64);
  const nothing = f32x4.lt(f32x4.abs(extreme), f32x4.splat(NOTHING));
  const inverse = f32x4.div(f32x4.splat(-4), extreme);
  let sumLX = f32x4.splat(0), sumLL = sumLX;
  for (let l: usize = 0; l < 1024; l += 64) {
    const x = v128.load(x0 + l);
    const code = clampedSteps(x, inverse, 4);
    v128.store(c0 + l, code);
    const weight = f32x4.mul(x, x);
    sumLX = f32x4.add(sumLX, f32x4.mul(f32x4.mul(weight, x), code));
    sumLL = f32x4.add(sumLL, f32x4.mul(f32x4.mul(weight, code), code));
  }
  let active = v128.not(nothing);
  for (let turns = 0; turns < 5 && v128.any_true(active); turns++) {
    let changed = i32x4.splat(0);
    for (let l: usize = 0; l < 1024; l += 64) {
      const x = v128.load(x0 + l), code = v128.load(c0 + l);
      const weight = f32x4.mul(x, x);
      const cross = f32x4.mul(weight, x);
      const others = f32x4.sub(sumLX, f32x4.mul(cross, code));
      const squares = f32x4.sub(sumLL, f32x4.mul(f32x4.mul(weight, code), code));
      const wanted = f32x4.convert_i32x4_s(nearestCodes(f32x4.div(f32x4.mul(x, squares), others), -4, 3));
      const possible = v128.and(v128.and(active, f32x4.gt(others, f32x4.splat(0))), f32x4.ne(wanted, code));
      // mostly nothing is to change, and what follows need not wait for the sums
      if (!v128.any_true(possible)) continue;
      const lx = f32x4.add(others, f32x4.mul(cross, wanted)), ll = f32x4.add(squares, f32x4.mul(f32x4.mul(weight, wanted), wanted));
      const more = f32x4.gt(f32x4.mul(f32x4.mul(lx, lx), sumLL), f32x4.mul(f32x4.mul(sumLX, sumLX), ll));
      const wins = v128.and(v128.and(possible, f32x4.gt(ll, f32x4.splat(0))), more);
      v128.store(c0 + l, v128.bitselect(wanted, code, wins));
      sumLX = v128.bitselect(lx, sumLX, wins);
      sumLL = v128.bitselect(ll, sumLL, wins);
      changed = v128.or(changed, wins);
    }
    active = v128.and(active, changed);
  }
  for (let l: usize = 0; l < 1024; l += 64) {
    const code = i32x4.trunc_sat_f32x4_s(f32x4.add(v128.load(c0 + l), f32x4.splat(4)));
    v128.store(c0 + l, v128.andnot(code, nothing));
  }
  const scale = v128.and(f32x4.div(sumLX, sumLL), f32x4.gt(sumLL, f32x4.splat(0)));
  v128.store(SCALES + (first << 2), v128.andnot(scale, nothing));
}

/** The first scale of largest magnitude, with its sign. */
function extremeScale(): f32 {
  let extreme: f32 = 0;
  for (let j: usize = 0; j < 64; j += 4) {
    const scale = load<f32>(SCALES + j);
    if (abs(scale) > abs(extreme)) extreme = scale;
  }
  return extreme;
}

/** The best codes of part j for a scale, or those of the search. */
// @ts-ignore: decorator
@inline
function putCodes(values: usize, j: usize, d: f32, half: i32): void {
  const to = CODES + (j << 4);
  if (d == 0) {
    for (let l: usize = 0; l < 16; l++) store<u8>(to + l, load<i32>(SEARCHED + (l << 6) + (j << 2)));
    return;
  }
  const at = values + (j << 6), scale = f32x4.splat(d);
  const codes = sixteenBytes(
    nearestCodes(f32x4.div(v128.load(at), scale), -half, half - 1),
    nearestCodes(f32x4.div(v128.load(at, 16), scale), -half, half - 1),
    nearestCodes(f32x4.div(v128.load(at, 32), scale), -half, half - 1),
    nearestCodes(f32x4.div(v128.load(at, 48), scale), -half, half - 1),
  );
  v128.store(to, i8x16.add(codes, i8x16.splat(<i8>half)));
}

/** Scales of Q3_K, as ggml finds them without importances. */
// @ts-ignore: decorator
@inline
function fitPlainQ3(): void {
  for (let first: usize = 0; first < 16; first += 4) searchByTurns(first);
  const largest = extremeScale();
  const inverse = largest == 0 ? <f32>0 : <f32>-32 / largest;
  setHalves(largest == 0 ? 0 : halfValue(halfBits(<f32>1 / inverse)), 0);
  for (let j: usize = 0; j < 64; j += 4) {
    store<i32>(SCALE_CODES + j, largest == 0 ? -32 : max(-32, min(31, nearestInt(inverse * load<f32>(SCALES + j)))));
  }
}

export function quantizeQ3_K(values: usize, blocks: i32, out: usize, isBest: bool, importance: usize): void {
  for (; blocks > 0; blocks--) {
    for (let first: usize = 0; first < 16; first += 4) turn(values, first, 64, 64);
    if (importance != 0) {
      weighLarge(values, importance, meanSquare(values, 256, 2), 64);
      for (let first: usize = 0; first < 16; first += 4) searchByTries(first, 4);
      setHalves(halfValue(halfBits(fitSignedScales(SCALES, SUMS, 16, 32, SCALE_CODES))), 0);
    } else fitPlainQ3();
    if (isBest && d != 0) {
      turnImportance(importance, 64);
      refineAroundZero(4, 32, passesFor(importance), importance != 0 ? 1 : FEW_BITS);
    }
    store<u16>(out, halfBits(writtenD), 108);
    memory.fill(out + 96, 0, 12);
    for (let j: usize = 0; j < 16; j++) {
      const scale = load<i32>(SCALE_CODES + (j << 2)) + 32;
      const low = out + 96 + (j & 7), high = out + 104 + (j & 3);
      store<u8>(low, load<u8>(low) | ((scale & 15) << (j < 8 ? 0 : 4)));
      store<u8>(high, load<u8>(high) | ((scale >> 4) << ((<i32>j >> 2) * 2)));
      putCodes(values, j, d * <f32>(scale - 32), 4);
    }
    for (let i: usize = 0; i < 32; i += 16) {
      let mask = i8x16.splat(0);
      for (let j = 7; j >= 0; j--) mask = v128.or(i8x16.shl(mask, 1), i8x16.shr_u(v128.load(CODES + (<usize>j << 5) + i), 2));
      v128.store(out + i, mask);
    }
    packTwoBits(out + 32);
    values += 1024;
    out += 110;
    if (importance != 0) importance += 1024;
  }
}

export function quantizeQ6_K(values: usize, blocks: i32, out: usize, isBest: bool, importance: usize): void {
  for (; blocks > 0; blocks--) {
    for (let first: usize = 0; first < 16; first += 4) turn(values, first, 64, 64);
    if (importance != 0) turnParts(WEIGHTS, importance, 64);
    else weighSquares();
    for (let first: usize = 0; first < 16; first += 4) searchByTries(first, 32);
    const largest = extremeScale();
    if (abs(largest) < NOTHING) {
      memory.fill(out, 0, 210);
    } else {
      const inverse = <f32>-128 / largest;
      setHalves(halfValue(halfBits(<f32>1 / inverse)), 0);
      for (let j: usize = 0; j < 64; j += 4) {
        store<i32>(SCALE_CODES + j, <i32><i8>min(127, nearestInt(inverse * load<f32>(SCALES + j))));
      }
      if (isBest) {
        turnImportance(importance, 64);
        refineAroundZero(32, 128, passesFor(importance), 1);
      }
      store<u16>(out, halfBits(writtenD), 208);
      for (let j: usize = 0; j < 16; j++) {
        store<i8>(out + j, <i8>load<i32>(SCALE_CODES + (j << 2)), 192);
        putCodes(values, j, d * <f32>load<i8>(out + j, 192), 32);
      }
      packHalves(out, 64);
      for (let i: usize = 0; i < 256; i += 16) v128.store(CODES + i, i8x16.shr_u(v128.load(CODES + i), 4));
      packTwoBits(out + 128);
    }
    values += 1024;
    out += 210;
    if (importance != 0) importance += 1024;
  }
}
