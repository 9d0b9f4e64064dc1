// GGUF's blocks of 32 where importances are known, or better scales are asked for: eight at a time. Twins of kernels/reference/ggml/plain.ts.
import { bestAroundZero, bestFromMinimum, bestInBytes, WRITTEN_MINIMA, WRITTEN_SCALES } from './gguf-best';
import { extremeOf, halfBits, minimum, peakOf, putFiveBits, putNibbles, rangeScale } from './gguf';
import { INVERSES, MINS, SCALES, searchWeighted, STARTS } from './gguf-k';
import { FACTORS, NOTHINGS, searchBlocksByTries, TRIED } from './gguf-k-zero';
import { halfValue, sixteenBytes, turnTo, TURNED } from './gguf-lanes';
import { meanSquare, turnImportance, turnParts, weighLarge } from './gguf-weights';

/** The last few blocks, with zeros behind them, and their importances. */
const LAST: usize = memory.data(1024, 16);
const LAST_IMPORTANCE: usize = memory.data(1024, 16);

/** Of each block: scale, minimum; the inverse of the scale and what is added before, from which codes follow. */
const SCALE: usize = memory.data(32, 16);
const MINIMUM: usize = memory.data(32, 16);
const INVERSE: usize = memory.data(32, 16);
const OFFSET: usize = memory.data(32, 16);

// @ts-ignore: decorator
@inline
function halfOf(value: f32): f32 {
  return halfValue(halfBits(value));
}

// @ts-ignore: decorator
@inline
function fourSteps(at: usize, offset: v128, inverse: v128, least: f32, most: f32): v128 {
  const rounded = f32x4.nearest(f32x4.mul(f32x4.add(v128.load(at), offset), inverse));
  return i32x4.trunc_sat_f32x4_s(f32x4.pmin(f32x4.pmax(rounded, f32x4.splat(least)), f32x4.splat(most)));
}

/** Sixteen codes from `least` to `most`. */
// @ts-ignore: decorator
@inline
function sixteenSteps(at: usize, j: usize, least: f32, most: f32): v128 {
  const inverse = f32x4.splat(load<f32>(INVERSE + j)), offset = f32x4.splat(load<f32>(OFFSET + j));
  return sixteenBytes(
    fourSteps(at, offset, inverse, least, most),
    fourSteps(at + 16, offset, inverse, least, most),
    fourSteps(at + 32, offset, inverse, least, most),
    fourSteps(at + 48, offset, inverse, least, most),
  );
}

// @ts-ignore: decorator
@inline
function setInverses(): void {
  for (let j: usize = 0; j < 32; j += 4) {
    const scale = load<f32>(SCALE + j);
    store<f32>(INVERSE + j, scale == 0 ? 0 : <f32>1 / scale);
  }
}

/** Q4_0, Q5_0 and Q8_0: `bits` of codes around zero. Rows are as long as the blocks of one call. */
function aroundZero(values: usize, blocks: i32, out: usize, isBest: bool, importance: usize, bits: i32): void {
  const half: f32 = bits == 8 ? 127 : bits == 4 ? 8 : 16;
  const square = importance != 0 ? meanSquare(values, blocks << 5, 1) : 0;
  for (; blocks > 0; blocks -= 8) {
    const count = <usize>min(blocks, 8);
    const from = eight(values, count, LAST), counts = importance != 0 ? eight(importance, count, LAST_IMPORTANCE) : 0;
    turnParts(TURNED, from, 128);
    memory.fill(OFFSET, 0, 32);
    memory.fill(NOTHINGS, 0, 32);
    if (importance != 0 && bits != 8) {
      weighLarge(from, counts, square, 128);
      searchBlocksByTries(half);
      memory.copy(SCALE, TRIED, 32);
      memory.copy(INVERSE, FACTORS, 32);
    } else {
      for (let j: usize = 0; j < 8; j++) {
        const at = from + (j << 7);
        store<f32>(SCALE + (j << 2), bits == 8 ? peakOf(at) / 127 : extremeOf(at) / -half);
      }
    }
    if (isBest) {
      for (let j: usize = 0; j < 32; j += 4) store<f32>(SCALE + j, halfOf(load<f32>(SCALE + j)));
      turnImportance(counts, 128);
      if (bits == 8) bestInBytes(SCALE);
      else bestAroundZero(SCALE, half);
      setInverses();
      memory.copy(SCALE, WRITTEN_SCALES, 32);
      memory.fill(NOTHINGS, 0, 32);
    }
    for (let j: usize = 0; j < count; j++) {
      const at = from + (j << 7);
      store<u16>(out, halfBits(load<f32>(SCALE + (j << 2))));
      const least = -half, most = bits == 8 ? half : half - 1, middle = i8x16.splat(bits == 8 ? 0 : <i8>half);
      const nothing = i8x16.splat(<i8>load<i32>(NOTHINGS + (j << 2)));
      const a = v128.andnot(i8x16.add(sixteenSteps(at, j << 2, least, most), middle), nothing);
      const b = v128.andnot(i8x16.add(sixteenSteps(at + 64, j << 2, least, most), middle), nothing);
      if (bits == 8) {
        v128.store(out, a, 2);
        v128.store(out, b, 18);
        out += 34;
      } else if (bits == 4) {
        putNibbles(out + 2, a, b);
        out += 18;
      } else {
        putFiveBits(out + 2, a, b);
        out += 22;
      }
    }
    values += 1024;
    if (importance != 0) importance += 1024;
  }
}

/** Q4_1 and Q5_1: codes from a minimum on. */
function fromMinimum(values: usize, blocks: i32, out: usize, isBest: bool, importance: usize, bits: i32): void {
  const most: f32 = bits == 4 ? 15 : 31;
  const square = importance != 0 ? meanSquare(values, blocks << 5, 1) : 0;
  for (; blocks > 0; blocks -= 8) {
    const count = <usize>min(blocks, 8);
    const from = eight(values, count, LAST), counts = importance != 0 ? eight(importance, count, LAST_IMPORTANCE) : 0;
    turnParts(TURNED, from, 128);
    if (importance != 0) {
      weighLarge(from, counts, square, 128);
      searchWeighted(0, 32, most);
      searchWeighted(4, 32, most);
      memory.copy(SCALE, SCALES, 32);
      memory.copy(INVERSE, INVERSES, 32);
      for (let j: usize = 0; j < 32; j += 4) {
        store<f32>(MINIMUM + j, -load<f32>(MINS + j));
        store<f32>(OFFSET + j, -load<f32>(STARTS + j));
      }
    } else {
      for (let j: usize = 0; j < 8; j++) {
        store<f32>(SCALE + (j << 2), rangeScale(from + (j << 7), most));
        store<f32>(MINIMUM + (j << 2), minimum);
      }
    }
    if (isBest) {
      for (let j: usize = 0; j < 32; j += 4) {
        store<f32>(SCALE + j, halfOf(load<f32>(SCALE + j)));
        store<f32>(MINIMUM + j, halfOf(load<f32>(MINIMUM + j)));
      }
      turnImportance(counts, 128);
      bestFromMinimum(SCALE, MINIMUM, most);
      setInverses();
      for (let j: usize = 0; j < 32; j += 4) store<f32>(OFFSET + j, -load<f32>(MINIMUM + j));
      memory.copy(SCALE, WRITTEN_SCALES, 32);
      memory.copy(MINIMUM, WRITTEN_MINIMA, 32);
    }
    for (let j: usize = 0; j < count; j++) {
      const at = from + (j << 7);
      store<u16>(out, halfBits(load<f32>(SCALE + (j << 2))));
      store<u16>(out, halfBits(load<f32>(MINIMUM + (j << 2))), 2);
      const a = sixteenSteps(at, j << 2, 0, most), b = sixteenSteps(at + 64, j << 2, 0, most);
      if (bits == 4) putNibbles(out + 4, a, b);
      else putFiveBits(out + 4, a, b);
      out += bits == 4 ? 20 : 24;
    }
    values += 1024;
    if (importance != 0) importance += 1024;
  }
}

/** Where eight blocks lie: fewer are copied, with zeros behind them. */
function eight(from: usize, count: usize, last: usize): usize {
  if (count == 8) return from;
  memory.fill(last, 0, 1024);
  memory.copy(last, from, count << 7);
  return last;
}

export function roundQ8_0(values: usize, blocks: i32, out: usize, isBest: bool, importance: usize): void {
  aroundZero(values, blocks, out, isBest, importance, 8);
}

export function roundQ4_0(values: usize, blocks: i32, out: usize, isBest: bool, importance: usize): void {
  aroundZero(values, blocks, out, isBest, importance, 4);
}

export function roundQ5_0(values: usize, blocks: i32, out: usize, isBest: bool, importance: usize): void {
  aroundZero(values, blocks, out, isBest, importance, 5);
}

export function roundQ4_1(values: usize, blocks: i32, out: usize, isBest: bool, importance: usize): void {
  fromMinimum(values, blocks, out, isBest, importance, 4);
}

export function roundQ5_1(values: usize, blocks: i32, out: usize, isBest: bool, importance: usize): void {
  fromMinimum(values, blocks, out, isBest, importance, 5);
}
