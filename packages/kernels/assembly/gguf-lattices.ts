// The search for entries, signs and scales of ggml's lattice types. Twin of kernels/reference/ggml/lattice-search.ts.
import { halfBits } from './gguf';
import { halfValue, turnTo } from './gguf-lanes';
import { FIRSTS, FOUND, levelsOf, nearestPlain, nearestTurned, NUMBERS, SCALE, SECONDS, size, TURNS, useTable } from './gguf-nearest';
import { meanSquare, weighFlat } from './gguf-weights';

const SHIFT: f32 = 0.125;

/** The type: values of an entry and of a part, the scales, and what signs and shifts there are. */
let width: i32 = 8;
let part: i32 = 32;
let parts: i32 = 8;
let firstScale: f32 = 0;
let stepScale: f32 = 0;
let codes: i32 = 16;
let areEven: bool = false;
let areSigned: bool = true;
/** 0: none, 1: of a part, 2: of an entry. */
let shifts: i32 = 0;

/** Of the block: values and what they count, and both turned batch by batch; the signs, and all ones for batches whose group (or pair of groups) is odd. */
let X: usize = 0;
let W: usize = 0;
const ONES: usize = memory.data(1024, 16);
const FLAT: usize = memory.data(1024, 16);
const TURNED_X: usize = memory.data(1024, 16);
const TURNED_W: usize = memory.data(1024, 16);
const NEGATIVE: usize = memory.data(32, 16);
const ODD: usize = memory.data(256, 16);

/** Of each part: the scale to try, and what comes of it; the scale that is best without codes, and what it gains. */
const TRIED: usize = memory.data(64, 16);
const ERROR: usize = memory.data(64, 16);
const XQ: usize = memory.data(64, 16);
const QQ: usize = memory.data(64, 16);
const SCALES: usize = memory.data(64, 16);
const GAINS: usize = memory.data(64, 16);

/** A way to write the block: 64 entries, 32 signs, 64 shifts, 16 codes. */
export const ENTRIES: usize = 0;
export const SIGNS: usize = 128;
export const DOWN: usize = 160;
export const CODES: usize = 224;
const WAY: usize = 240;
const NOW: usize = memory.data(240, 16);
const BUILT: usize = memory.data(240, 16);
export const KEPT: usize = memory.data(240, 16);
const OTHER: usize = memory.data(240, 16);
const OTHER_ERROR: usize = memory.data(192, 16);
const LEVELS: usize = memory.data(32, 16);
const PLAIN: usize = memory.data(64, 16);

function turnBlock(values: usize, importance: usize): void {
  X = values;
  if (importance == 0) {
    for (let i: usize = 0; i < 1024; i += 16) v128.store(ONES + i, f32x4.splat(1));
    W = ONES;
  } else W = weighFlat(values, importance, meanSquare(values, 256, 2));
  for (let i: usize = 0; i < 1024; i += 16) {
    const x = v128.load(values + i);
    v128.store(FLAT + i, areSigned ? f32x4.abs(x) : x);
  }
  const groupBytes = <usize>width << 2, batchBytes = groupBytes << 2;
  for (let at: usize = 0; at < 1024; at += batchBytes) {
    turnTo(TURNED_X + at, FLAT + at, 0, groupBytes, 16);
    turnTo(TURNED_W + at, W + at, 0, groupBytes, 16);
  }
  for (let eight: usize = 0; eight < 32; eight++) {
    const at = values + (eight << 5), zero = f32x4.splat(0);
    const bits = areSigned ? i32x4.bitmask(f32x4.lt(v128.load(at), zero)) | (i32x4.bitmask(f32x4.lt(v128.load(at, 16), zero)) << 4) : 0;
    store<u8>(NEGATIVE + eight, bits);
    const odd = areEven && popcnt(bits) & 1 ? -1 : 0;
    if (width == 8) store<i32>(ODD + (eight << 2), odd);
    else {
      store<i32>(ODD + (eight << 3), odd);
      store<i32>(ODD + (eight << 3), odd, 4);
    }
  }
}

/** Notes the entry of a group, turns the sign that costs least where one has to be, and adds what the scale follows from. */
function take(group: i32, lane: usize, error: f32, turns: bool, shift: f32): void {
  const at = <usize>(group * width) << 2, j = <usize>((group * width) / part) << 2, eight = <usize>((group * width) >> 3);
  levelsOf(load<i32>(FIRSTS + lane), load<i32>(SECONDS + lane), LEVELS);
  let turned: usize = -1;
  if (turns) {
    let least: f32 = f32.POSITIVE_INFINITY;
    for (let i: usize = 0; i < <usize>width; i++) {
      const cost = load<f32>(W + at + (i << 2)) * abs(load<f32>(X + at + (i << 2))) * load<f32>(LEVELS + (i << 2));
      if (cost < least) {
        least = cost;
        turned = i;
      }
    }
    const bit = ((group * width) & 7) + <i32>turned;
    store<u8>(NOW + SIGNS + eight, <i32>load<u8>(NOW + SIGNS + eight) ^ (1 << bit));
  }
  store<u16>(NOW + ENTRIES + (<usize>group << 1), load<i32>(NUMBERS + lane));
  store<u8>(NOW + DOWN + <usize>group, shift < 0 ? 1 : 0);
  store<f32>(ERROR + j, load<f32>(ERROR + j) + error);
  let xq = load<f32>(XQ + j), qq = load<f32>(QQ + j);
  for (let i: usize = 0; i < <usize>width; i++) {
    const level = load<f32>(LEVELS + (i << 2)) + shift, value = load<f32>(X + at + (i << 2));
    const x = areSigned ? (i == turned ? -abs(value) : abs(value)) : value;
    const weighted = load<f32>(W + at + (i << 2)) * level;
    xq += weighted * x;
    qq += weighted * level;
  }
  store<f32>(XQ + j, xq);
  store<f32>(QQ + j, qq);
}

/** Writes the block with the scales in TRIED, all moved by `shift`, into NOW. */
function fitShifted(shift: f32): void {
  memory.fill(ERROR, 0, 64);
  memory.fill(XQ, 0, 64);
  memory.fill(QQ, 0, 64);
  memory.copy(NOW + SIGNS, NEGATIVE, 32);
  const groups = 256 / width, perPart = part / width, batchBytes = <usize>width << 4;
  for (let group = 0; group < groups; group += 4) {
    const values = TURNED_X + <usize>(group >> 2) * batchBytes, weights = TURNED_W + <usize>(group >> 2) * batchBytes;
    const odd = v128.load(ODD + (<usize>group << 2));
    for (let i = 0; i < 4; i++) store<f32>(SCALE + (<usize>i << 2), load<f32>(TRIED + (<usize>((group + i) / perPart) << 2)));
    v128.store(TURNS, odd);
    const turns = v128.any_true(odd);
    if (width == 4) {
      fitPairs(group, values, weights, turns);
      continue;
    }
    if (shifts == 2) {
      fitEntries(group, values, weights);
      continue;
    }
    if (turns) nearestTurned(values, weights);
    else nearestPlain(values, weights, shift);
    for (let i = 0; i < 4; i++) {
      const lane = <usize>i << 2;
      take(group + i, lane, load<f32>(FOUND + lane), load<i32>(ODD + (<usize>(group + i) << 2)) != 0, shift);
    }
  }
}

/** Keeps what was found. */
function keepFound(): void {
  memory.copy(PLAIN, FOUND, 16);
  memory.copy(PLAIN + 16, FIRSTS, 16);
  memory.copy(PLAIN + 32, SECONDS, 16);
  memory.copy(PLAIN + 48, NUMBERS, 16);
}

/** Every entry is moved up or down. */
function fitEntries(group: i32, values: usize, weights: usize): void {
  nearestPlain(values, weights, SHIFT);
  keepFound();
  nearestPlain(values, weights, -SHIFT);
  for (let i = 0; i < 4; i++) {
    const lane = <usize>i << 2;
    const isDown = load<f32>(FOUND + lane) < load<f32>(PLAIN + lane);
    if (!isDown) useKept(lane);
    take(group + i, lane, load<f32>(FOUND + lane), false, isDown ? -SHIFT : SHIFT);
  }
}

// @ts-ignore: decorator
@inline
function useKept(lane: usize): void {
  store<i32>(FOUND + lane, load<i32>(PLAIN + lane));
  store<i32>(FIRSTS + lane, load<i32>(PLAIN + 16 + lane));
  store<i32>(SECONDS + lane, load<i32>(PLAIN + 32 + lane));
  store<i32>(NUMBERS + lane, load<i32>(PLAIN + 48 + lane));
}

/** Two groups of four share their signs: where these are odd, one of the two turns one. */
function fitPairs(group: i32, values: usize, weights: usize, isSome: bool): void {
  nearestPlain(values, weights, 0);
  keepFound();
  if (isSome) nearestTurned(values, weights);
  for (let i = 0; i < 4; i += 2) {
    const a = <usize>i << 2, b = a + 4;
    const isOdd = isSome && load<i32>(ODD + (<usize>(group + i) << 2)) != 0;
    const turnsFirst = isOdd && load<f32>(FOUND + a) + load<f32>(PLAIN + b) <= load<f32>(PLAIN + a) + load<f32>(FOUND + b);
    if (!turnsFirst) useKept(a);
    if (!isOdd || turnsFirst) useKept(b);
    take(group + i, a, load<f32>(FOUND + a), turnsFirst, 0);
    take(group + i + 1, b, load<f32>(FOUND + b), isOdd && !turnsFirst, 0);
  }
}

/** Writes the block with the scales in TRIED into NOW. */
function fitParts(): void {
  if (shifts != 1) return fitShifted(0);
  fitShifted(SHIFT);
  memory.copy(OTHER, NOW, WAY);
  memory.copy(OTHER_ERROR, ERROR, 64);
  memory.copy(OTHER_ERROR + 64, XQ, 64);
  memory.copy(OTHER_ERROR + 128, QQ, 64);
  fitShifted(-SHIFT);
  for (let j: usize = 0; j < <usize>parts; j++) {
    const at = j << 2;
    if (load<f32>(ERROR + at) < load<f32>(OTHER_ERROR + at)) continue;
    copyPart(NOW, OTHER, j);
    store<f32>(ERROR + at, load<f32>(OTHER_ERROR + at));
    store<f32>(XQ + at, load<f32>(OTHER_ERROR + 64 + at));
    store<f32>(QQ + at, load<f32>(OTHER_ERROR + 128 + at));
  }
}

function copyPart(to: usize, from: usize, j: usize): void {
  const entries = <usize>(part / width), eights = <usize>(part >> 3);
  memory.copy(to + ENTRIES + j * entries * 2, from + ENTRIES + j * entries * 2, entries * 2);
  memory.copy(to + SIGNS + j * eights, from + SIGNS + j * eights, eights);
  memory.copy(to + DOWN + j * entries, from + DOWN + j * entries, entries);
}

/** Multiples of the first guess of a scale: two, or with a longer search four. */
// @ts-ignore: decorator
@inline
function guessAt(i: i32, isBest: bool): f64 {
  if (!isBest) return i == 0 ? 0.9 : 1.15;
  return i == 0 ? 0.75 : i == 1 ? 0.9 : i == 2 ? 1.05 : 1.25;
}

const GUESSED: usize = memory.data(64, 16);

/** Scales as if every number could be written, into SCALES; returns the largest. */
function fitScales(isBest: bool): f32 {
  const guesses = isBest ? 4 : 2;
  memory.fill(SCALES, 0, 64);
  memory.fill(GAINS, 0, 64);
  for (let j = 0; j < parts; j++) {
    let squares: f32 = 0, sum: f32 = 0;
    for (let i = j * part; i < (j + 1) * part; i++) {
      const w = load<f32>(W + (<usize>i << 2)), x = load<f32>(X + (<usize>i << 2));
      sum += w;
      squares += w * (x * x);
    }
    store<f32>(GUESSED + (<usize>j << 2), squares > 0 ? sqrt<f32>(squares / sum) / size : 0);
  }
  for (let i = 0; i <= guesses; i++) {
    for (let j: usize = 0; j < <usize>parts << 2; j += 4) {
      store<f32>(TRIED + j, i < guesses ? <f32>(<f64>load<f32>(GUESSED + j) * guessAt(i, isBest)) : load<f32>(SCALES + j));
    }
    fitParts();
    for (let j: usize = 0; j < <usize>parts << 2; j += 4) {
      if (!(load<f32>(TRIED + j) > 0)) continue;
      const xq = load<f32>(XQ + j), qq = load<f32>(QQ + j);
      const found = xq > 0 && qq > 0 ? xq / qq : 0;
      if (found * xq > load<f32>(GAINS + j)) {
        store<f32>(GAINS + j, found * xq);
        store<f32>(SCALES + j, found);
      }
    }
  }
  let largest: f32 = 0;
  for (let j: usize = 0; j < <usize>parts << 2; j += 4) largest = max(largest, load<f32>(SCALES + j));
  return largest;
}

/** What `encode` built is worth, and what the half that all share follows from. */
let total: f64 = 0;
let totalXQ: f64 = 0;
let totalQQ: f64 = 0;
const PART_ERROR: usize = memory.data(192, 16);

// @ts-ignore: decorator
@inline
function multiple(code: i32): f32 {
  return firstScale + stepScale * <f32>code;
}

/** Every part with the better of the two codes beside its scale, into BUILT. */
function encode(d: f32): void {
  for (let j: usize = 0; j < <usize>parts; j++) {
    const wanted = d > 0 ? (load<f32>(SCALES + (j << 2)) / d - firstScale) / stepScale : 0;
    const low = <i32>max<f32>(0, min<f32>(<f32>(codes - 1), floor(wanted)));
    store<u8>(BUILT + CODES + j, low);
    store<f32>(TRIED + (j << 2), d * multiple(low));
  }
  fitParts();
  memory.copy(BUILT, NOW, CODES);
  memory.copy(PART_ERROR, ERROR, 64);
  memory.copy(PART_ERROR + 64, XQ, 64);
  memory.copy(PART_ERROR + 128, QQ, 64);
  if (d > 0) {
    for (let j: usize = 0; j < <usize>parts; j++) store<f32>(TRIED + (j << 2), d * multiple(load<u8>(BUILT + CODES + j) + 1));
    fitParts();
    for (let j: usize = 0; j < <usize>parts; j++) {
      const at = j << 2, low = <i32>load<u8>(BUILT + CODES + j);
      if (low + 1 >= codes || !(load<f32>(ERROR + at) < load<f32>(PART_ERROR + at))) continue;
      store<u8>(BUILT + CODES + j, low + 1);
      copyPart(BUILT, NOW, j);
      store<f32>(PART_ERROR + at, load<f32>(ERROR + at));
      store<f32>(PART_ERROR + 64 + at, load<f32>(XQ + at));
      store<f32>(PART_ERROR + 128 + at, load<f32>(QQ + at));
    }
  }
  total = 0;
  totalXQ = 0;
  totalQQ = 0;
  for (let j: usize = 0; j < <usize>parts; j++) {
    const m = <f64>multiple(load<u8>(BUILT + CODES + j));
    total += <f64>load<f32>(PART_ERROR + (j << 2));
    totalXQ += m * <f64>load<f32>(PART_ERROR + 64 + (j << 2));
    totalQQ += m * m * <f64>load<f32>(PART_ERROR + 128 + (j << 2));
  }
}

/** Writes a block into KEPT; returns the half that all share. */
export function searchBlock(values: usize, importance: usize, isBest: bool): i32 {
  turnBlock(values, importance);
  let bits = halfBits(fitScales(isBest) / multiple(codes - 1));
  encode(halfValue(bits));
  memory.copy(KEPT, BUILT, WAY);
  let best = total, xq = totalXQ;
  const passes = isBest ? 2 : 1;
  for (let pass = 0; pass < passes; pass++) {
    const next = totalQQ > 0 ? halfBits(<f32>(totalXQ / totalQQ)) : 0;
    if (!(halfValue(next) > 0) || next == bits) break;
    encode(halfValue(next));
    if (!(total < best)) break;
    best = total;
    xq = totalXQ;
    bits = next;
    memory.copy(KEPT, BUILT, WAY);
  }
  return stretched(bits, xq);
}

/** A half that makes up for most of what values lose on average: see kernels/reference/ggml/stretch.ts. */
function stretched(bits: i32, xq: f64): i32 {
  const d = <f64>halfValue(bits);
  let squares: f64 = 0;
  for (let i: usize = 0; i < 1024; i += 4) {
    const x = load<f32>(X + i);
    squares += <f64>(load<f32>(W + i) * (x * x));
  }
  const by = squares / (d * xq) - 1;
  if (!(d > 0 && xq > 0 && by > 0)) return bits;
  const found = halfBits(<f32>(d * (1 + 0.7 * by)));
  return isFinite(halfValue(found)) ? found : bits;
}

export function setType(table: usize, entryWidth: i32, partSize: i32, first: f32, step: f32, codeCount: i32, even: bool, signed: bool, shift: i32): void {
  useTable(table);
  width = entryWidth;
  part = partSize;
  parts = 256 / partSize;
  firstScale = first;
  stepScale = step;
  codes = codeCount;
  areEven = even;
  areSigned = signed;
  shifts = shift;
}
