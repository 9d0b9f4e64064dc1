// GGUF's IQ4_NL and IQ4_XS, byte for byte those of ggml's quantizer, or with better scales. Twins of kernels/reference/ggml/tables.ts.
import { halfBits } from './gguf';
import { bestNonlinear, WRITTEN_SCALES } from './gguf-best';
import { halfValue, nearestInt, sixteenBytes, turn, TURNED } from './gguf-lanes';
import { d, passesFor, refineNonlinear, SCALE_CODES, setHalves, writtenD } from './gguf-refine';
import { meanSquare, turnImportance, weighBlocks, weighLarge, weighSquares, WEIGHTS } from './gguf-weights';

const NOTHING: f32 = 1e-15;
const SCALES: usize = memory.data(32, 16);
/** Blocks of IQ4_NL come eight at a time; the last few are put here, with zeros behind them, and their importances. */
const LAST: usize = memory.data(1024, 16);
const LAST_IMPORTANCE: usize = memory.data(1024, 16);

/** One more level from `from` on: the midpoints of ggml's sixteen values, all exact. */
// @ts-ignore: decorator
@inline
function step(x: v128, from: f32, height: f32): v128 {
  return v128.and(f32x4.ge(x, f32x4.splat(from)), f32x4.splat(height));
}

/** The nearest of the sixteen values. */
// @ts-ignore: decorator
@inline
export function nearestValue(x: v128): v128 {
  const a = f32x4.add(f32x4.add(step(x, -115.5, 23), step(x, -93.5, 21)), f32x4.add(step(x, -74, 18), step(x, -57, 16)));
  const b = f32x4.add(f32x4.add(step(x, -42, 14), step(x, -28.5, 13)), f32x4.add(step(x, -16, 12), step(x, -4.5, 11)));
  const c = f32x4.add(f32x4.add(step(x, 7, 12), step(x, 19, 12)), f32x4.add(step(x, 31.5, 13), step(x, 45.5, 15)));
  const d = f32x4.add(f32x4.add(step(x, 61, 16), step(x, 79, 20)), step(x, 101, 24));
  return f32x4.sub(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)), f32x4.splat(127));
}

// @ts-ignore: decorator
@inline
function above(x: v128, from: f32): v128 {
  return f32x4.ge(x, f32x4.splat(from));
}

/** Which of the sixteen. */
// @ts-ignore: decorator
@inline
function nearestCode(x: v128): v128 {
  const a = i32x4.add(i32x4.add(above(x, -115.5), above(x, -93.5)), i32x4.add(above(x, -74), above(x, -57)));
  const b = i32x4.add(i32x4.add(above(x, -42), above(x, -28.5)), i32x4.add(above(x, -16), above(x, -4.5)));
  const c = i32x4.add(i32x4.add(above(x, 7), above(x, 19)), i32x4.add(above(x, 31.5), above(x, 45.5)));
  const d = i32x4.add(i32x4.add(above(x, 61), above(x, 79)), above(x, 101));
  return i32x4.neg(i32x4.add(i32x4.add(a, b), i32x4.add(c, d)));
}

/** ggml's search for the scales of four parts of 32, each lane in its order. */
function search(first: usize): void {
  const x0 = TURNED + (first << 2);
  let extreme = f32x4.splat(0);
  for (let l: usize = 0; l < 1024; l += 32) {
    const x = v128.load(x0 + l);
    extreme = v128.bitselect(x, extreme, f32x4.gt(f32x4.abs(x), f32x4.abs(extreme)));
  }
  const nothing = f32x4.lt(f32x4.abs(extreme), f32x4.splat(NOTHING));
  let scale = f32x4.splat(0), best = scale;
  for (let shift = -8; shift <= 7; shift++) {
    const isFirst = shift == -8;
    const inverse = isFirst
      ? f32x4.div(f32x4.splat(1), f32x4.div(f32x4.neg(extreme), f32x4.splat(-127)))
      : f32x4.div(f32x4.splat(<f32>(shift - 127)), extreme);
    let sumQX = f32x4.splat(0), sumQQ = sumQX;
    for (let l: usize = 0; l < 1024; l += 32) {
      const x = v128.load(x0 + l);
      const q = nearestValue(f32x4.mul(inverse, x));
      const weighted = f32x4.mul(v128.load(WEIGHTS + (first << 2) + l), q);
      sumQX = f32x4.add(sumQX, f32x4.mul(weighted, x));
      sumQQ = f32x4.add(sumQQ, f32x4.mul(weighted, q));
    }
    const isSome = f32x4.gt(sumQQ, f32x4.splat(0));
    const better = v128.and(isSome, f32x4.gt(f32x4.mul(sumQX, sumQX), f32x4.mul(best, sumQQ)));
    const wins = isFirst ? i32x4.splat(-1) : better;
    const found = v128.and(f32x4.div(sumQX, sumQQ), isSome);
    scale = v128.bitselect(found, scale, wins);
    best = v128.bitselect(f32x4.mul(found, sumQX), best, wins);
  }
  v128.store(SCALES + (first << 2), v128.andnot(scale, nothing));
}

/** 32 codes in 16 bytes. */
// @ts-ignore: decorator
@inline
function putCodes(values: usize, scale: f32, out: usize): void {
  const inverse = f32x4.splat(scale == 0 ? 0 : <f32>1 / scale);
  v128.store(out, v128.or(sixteenCodes(values, inverse), i8x16.shl(sixteenCodes(values + 64, inverse), 4)));
}

// @ts-ignore: decorator
@inline
function sixteenCodes(values: usize, inverse: v128): v128 {
  return sixteenBytes(
    nearestCode(f32x4.mul(inverse, v128.load(values))),
    nearestCode(f32x4.mul(inverse, v128.load(values, 16))),
    nearestCode(f32x4.mul(inverse, v128.load(values, 32))),
    nearestCode(f32x4.mul(inverse, v128.load(values, 48))),
  );
}

/** Whether weights are set, they are looked at; otherwise they are the squares. */
// @ts-ignore: decorator
@inline
function searchEight(isWeighted: bool): void {
  if (!isWeighted) weighSquares();
  search(0);
  search(4);
}

// @ts-ignore: decorator
@inline
function turnEight(values: usize): void {
  turn(values, 0, 128, 32);
  turn(values, 4, 128, 32);
}

export function quantizeIQ4_NL(values: usize, blocks: i32, out: usize, isBest: bool, importance: usize): void {
  for (; blocks > 0; blocks -= 8) {
    const count = <usize>min(blocks, 8);
    let from = values, counts = importance;
    if (count < 8) {
      memory.fill(LAST, 0, 1024);
      memory.copy(LAST, values, count << 7);
      from = LAST;
      if (importance != 0) {
        memory.copy(LAST_IMPORTANCE, importance, count << 7);
        counts = LAST_IMPORTANCE;
      }
    }
    turnEight(from);
    if (importance != 0) weighBlocks(from, counts);
    searchEight(importance != 0);
    if (isBest) {
      turnImportance(counts, 128);
      for (let j: usize = 0; j < 32; j += 4) store<f32>(SCALES + j, halfValue(halfBits(load<f32>(SCALES + j))));
      bestNonlinear(SCALES);
    }
    for (let j: usize = 0; j < count; j++) {
      const scale = load<f32>(SCALES + (j << 2));
      store<u16>(out, halfBits(isBest ? load<f32>(WRITTEN_SCALES + (j << 2)) : scale));
      putCodes(from + (j << 7), scale, out + 2);
      out += 18;
    }
    values += 1024;
    if (importance != 0) importance += 1024;
  }
}

export function quantizeIQ4_XS(values: usize, blocks: i32, out: usize, isBest: bool, importance: usize): void {
  for (; blocks > 0; blocks--) {
    turnEight(values);
    if (importance != 0) weighLarge(values, importance, meanSquare(values, 256, 2), 128);
    searchEight(importance != 0);
    let extreme: f32 = 0;
    for (let j: usize = 0; j < 32; j += 4) {
      const scale = load<f32>(SCALES + j);
      if (abs(scale) > abs(extreme)) extreme = scale;
    }
    const first = -extreme / 32;
    const inverse = first == 0 ? <f32>0 : <f32>1 / first;
    for (let j: usize = 0; j < 32; j += 4) store<i32>(SCALE_CODES + j, max(-32, min(31, nearestInt(inverse * load<f32>(SCALES + j)))));
    setHalves(first, 0);
    const half = halfValue(halfBits(first));
    if (isBest && half != 0 && isFinite(half)) {
      setHalves(half, 0);
      turnImportance(importance, 128);
      refineNonlinear(passesFor(importance));
    }
    memory.fill(out, 0, 8);
    store<u16>(out, halfBits(writtenD));
    for (let j: usize = 0; j < 8; j++) {
      const scale = load<i32>(SCALE_CODES + (j << 2));
      const bits = scale + 32, low = out + 4 + (j >> 1), high = out + 2 + (j >> 2);
      store<u8>(low, load<u8>(low) | ((bits & 15) << ((<i32>j & 1) * 4)));
      store<u8>(high, load<u8>(high) | ((bits >> 4) << ((<i32>j & 3) * 2)));
      putCodes(values + (j << 7), d * <f32>scale, out + 8 + (j << 4));
    }
    values += 1024;
    out += 136;
    if (importance != 0) importance += 1024;
  }
}
