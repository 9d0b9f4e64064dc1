// Vectors of weights, each replaced by an entry of a book, or by the sum of one of each of two books. Twin of kernels/reference/vectors.ts:
// eight rows of the matrix at a time, turned, so that they lie in the lanes.

import { BATCH, passBehind, passWithin } from './compensate';
import { addAll } from './refine';

/** Bytes of eight rows of a column. */
const PITCH: usize = 32;
/** Entries of the first book that are tried with all of the second: at first, and when there is a pair already. */
const BEAM = 4, FEW = 2;
/** A few tables of vectors of eight rows each. */
const targets = memory.data(8 * 32, 16), residuals = memory.data(8 * 32, 16), current = memory.data(8 * 32, 16);
/** Costs and numbers of entries, of four rows. */
const found = memory.data(32, 16), beam = memory.data(4 * 32, 16);

/**
 * @param values  `[columns, 8]`, f32; changed
 * @param columns  a multiple of `vector`
 * @param order  the columns in the order in which they are rounded, those of a vector after one another, u32
 * @param factor  `[columns, columns]` in that order, f32, upper triangular
 * @param scales  `[8]`, f32
 * @param metrics  `[vectors, vector, vector]` in that order, f32: what errors of a vector cost
 * @param books  `[count, entries, vector]`, f32
 * @param halves  `[vectors, count, entries]` in that order, f32: half of what an entry costs
 * @param errors  room for `[32, 8]` f32
 * @param indices  `[vectors, count, 8]` as the columns lie, u8
 */
export function compensateVectors(
  values: usize, columns: i32, vector: i32, order: usize, factor: usize, scales: usize, metrics: usize,
  books: usize, halves: usize, count: i32, entries: i32, errors: usize, indices: usize,
): void {
  const batch = BATCH / vector * vector, square = <usize>(vector * vector) << 2;
  for (let start = 0; start < columns; start += batch) {
    const end = min(columns, start + batch);
    for (let i = start; i < end; i += vector) {
      const at = i / vector, column = load<u32>(order + (<usize>i << 2));
      const from = values + <usize>column * PITCH;
      const to = indices + (<usize>(column / vector * count) << 3);
      const half = halves + (<usize>(at * count * entries) << 2);
      for (let lane: usize = 0; lane < PITCH; lane += 16) {
        multiply(metrics + <usize>at * square, from + lane, targets + lane, vector);
        choose(metrics + <usize>at * square, vector, v128.load(scales + lane), books, half, count, entries, BEAM, false, lane, to + (lane >> 2));
      }
      sumEntries(to, books, count, entries, vector, scales);
      for (let j = 0; j < vector; j++) {
        const own = factor + (<usize>(i + j) * columns << 2), error = errors + <usize>(i + j - start) * PITCH;
        const inverse = f32x4.splat(1 / load<f32>(own + (<usize>(i + j) << 2)));
        for (let lane: usize = 0; lane < PITCH; lane += 16) {
          const less = f32x4.sub(v128.load(from + <usize>j * PITCH + lane), v128.load(current + <usize>j * PITCH + lane));
          v128.store(error + lane, f32x4.mul(less, inverse));
        }
        passWithin(values, order, own, i + j, end, error, PITCH);
      }
    }
    passBehind(values, columns, order, factor, start, end, errors, PITCH);
  }
}

/**
 * One pass in which every vector in turn becomes the best there is while all others stay.
 * @param values  `[columns, 8]`, f32
 * @param columns  a multiple of `vector`, and of 4
 * @param gram  `[columns, columns]`, f32; 0: ones on the diagonal
 * @param metrics  `[vectors, vector, vector]`, f32: the blocks on the diagonal
 * @param halves  `[vectors, count, entries]`, f32
 * @param gradient  room for `[columns, 8]` f32
 * @param deltas  room for as much
 * @param indices  `[vectors, count, 8]`, u8; changed
 * @param sums  `[count, entries, vector, 2]`, f64: what a change of an entry would gain, and its curvature; added to
 * @param losses  `[2]`, f64: before and after; added to
 */
export function refineVectors(
  values: usize, columns: i32, vector: i32, gram: usize, scales: usize, metrics: usize,
  books: usize, halves: usize, count: i32, entries: i32, gradient: usize, deltas: usize, indices: usize, sums: usize, losses: usize,
): void {
  const vectors = columns / vector, square = <usize>(vector * vector) << 2;
  begin(values, columns, vector, gram, scales, books, count, entries, gradient, deltas, indices);
  store<f64>(losses, load<f64>(losses) + product(gradient, deltas, columns));
  for (let at = 0; at < vectors; at++) {
    const first = <usize>(at * vector) * PITCH, own = indices + (<usize>(at * count) << 3);
    const metric = metrics + <usize>at * square, half = halves + (<usize>(at * count * entries) << 2);
    sumEntries(own, books, count, entries, vector, scales);
    const before = load<u64>(own), second = count > 1 ? load<u64>(own, 8) : 0, change = deltas + first;
    for (let at: usize = 0; at < <usize>vector * PITCH; at += 16) v128.store(change + at, v128.load(current + at));
    for (let lane: usize = 0; lane < PITCH; lane += 16) {
      multiply(metric, current + lane, targets + lane, vector);
      for (let j = 0; j < vector; j++) {
        const to = targets + <usize>j * PITCH + lane;
        v128.store(to, f32x4.add(v128.load(to), v128.load(gradient + first + <usize>j * PITCH + lane)));
      }
      choose(metric, vector, v128.load(scales + lane), books, half, count, entries, FEW, true, lane, own + (lane >> 2));
    }
    if (before == load<u64>(own) && (count == 1 || second == load<u64>(own, 8))) continue;
    sumEntries(own, books, count, entries, vector, scales);
    for (let at: usize = 0; at < <usize>vector * PITCH; at += 16) {
      v128.store(change + at, f32x4.sub(v128.load(change + at), v128.load(current + at)));
    }
    if (gram) addAll(gradient, gram, deltas, at * vector, (at + 1) * vector, columns);
    else for (let at: usize = 0; at < <usize>vector * PITCH; at += 16) {
      v128.store(gradient + first + at, f32x4.add(v128.load(gradient + first + at), v128.load(change + at)));
    }
  }
  for (let at = 0; at < vectors; at++) {
    const first = <usize>(at * vector) * PITCH, own = indices + (<usize>(at * count) << 3);
    sumEntries(own, books, count, entries, vector, scales);
    for (let at: usize = 0; at < <usize>vector * PITCH; at += 16) {
      v128.store(deltas + first + at, f32x4.sub(v128.load(values + first + at), v128.load(current + at)));
    }
    for (let book = 0; book < count; book++) {
      for (let row: usize = 0; row < 8; row++) {
        const scale = <f64>load<f32>(scales + (row << 2));
        let to = sums + (<usize>((book * entries + <i32>load<u8>(own + (<usize>book << 3) + row)) * vector) << 4);
        for (let j = 0; j < vector; j++) {
          const slope = <f64>load<f32>(gradient + first + <usize>j * PITCH + (row << 2));
          const curvature = <f64>load<f32>(metrics + <usize>at * square + (<usize>(j * vector + j) << 2));
          store<f64>(to, load<f64>(to) + scale * slope);
          store<f64>(to, load<f64>(to, 8) + scale * scale * curvature, 8);
          to += 16;
        }
      }
    }
  }
  store<f64>(losses, load<f64>(losses, 8) + product(gradient, deltas, columns), 8);
}

/** What is left of the values, and the Gram matrix times that. */
function begin(
  values: usize, columns: i32, vector: i32, gram: usize, scales: usize, books: usize, count: i32, entries: i32,
  gradient: usize, deltas: usize, indices: usize,
): void {
  for (let at = 0; at < columns / vector; at++) {
    const first = <usize>(at * vector) * PITCH;
    sumEntries(indices + (<usize>(at * count) << 3), books, count, entries, vector, scales);
    for (let each: usize = 0; each < <usize>vector * PITCH; each += 16) {
      const left = f32x4.sub(v128.load(values + first + each), v128.load(current + each));
      v128.store(deltas + first + each, left);
      v128.store(gradient + first + each, gram ? f32x4.splat(0) : left);
    }
  }
  if (gram) addAll(gradient, gram, deltas, 0, columns, columns);
}

function product(a: usize, b: usize, columns: i32): f64 {
  let sum: f64 = 0;
  for (let at: usize = 0; at < <usize>columns * PITCH; at += 4) sum += <f64>load<f32>(a + at) * <f64>load<f32>(b + at);
  return sum;
}

/** Scaled entries of eight rows, summed over the books, to `current`. */
function sumEntries(indices: usize, books: usize, count: i32, entries: i32, vector: i32, scales: usize): void {
  for (let row: usize = 0; row < 8; row++) {
    const scale = load<f32>(scales + (row << 2));
    const first = books + (<usize>(<i32>load<u8>(indices + row) * vector) << 2);
    const second = count > 1 ? books + (<usize>((entries + <i32>load<u8>(indices + row, 8)) * vector) << 2) : 0;
    for (let j = 0; j < vector; j++) {
      let value = load<f32>(first + (<usize>j << 2));
      if (second) value += load<f32>(second + (<usize>j << 2));
      store<f32>(current + <usize>j * PITCH + (row << 2), value * scale);
    }
  }
}

/** A symmetric matrix times vectors of four rows. */
// @ts-ignore: decorator
@inline
function multiply(metric: usize, from: usize, to: usize, vector: i32): void {
  for (let j = 0; j < vector; j++) {
    let sum = f32x4.splat(0);
    for (let k = 0; k < vector; k++) {
      sum = f32x4.add(sum, f32x4.mul(v128.load32_splat(metric + (<usize>(j * vector + k) << 2)), v128.load(from + <usize>k * PITCH)));
    }
    v128.store(to + <usize>j * PITCH, sum);
  }
}

/** The entry of each of four rows that costs least, to `found`. */
function nearest(book: usize, halves: usize, entries: i32, vector: i32, target: usize, scale: v128): void {
  let best = f32x4.splat(Infinity), ids = i32x4.splat(0);
  for (let k = 0; k < entries; k++) {
    let cost = f32x4.mul(scale, v128.load32_splat(halves + (<usize>k << 2)));
    for (let j = 0, at = target; j < vector; j++, at += PITCH, book += 4) {
      cost = f32x4.sub(cost, f32x4.mul(v128.load32_splat(book), v128.load(at)));
    }
    const less = f32x4.lt(cost, best);
    best = v128.bitselect(cost, best, less);
    ids = v128.bitselect(i32x4.splat(k), ids, less);
  }
  v128.store(found, best);
  v128.store(found, ids, 16);
}

/** The few entries of each of four rows that cost least, to `beam`. */
function several(book: usize, halves: usize, entries: i32, vector: i32, target: usize, scale: v128): void {
  for (let i = 0; i < BEAM; i++) {
    v128.store(beam + (<usize>i << 5), f32x4.splat(Infinity));
    v128.store(beam + (<usize>i << 5), i32x4.splat(0), 16);
  }
  for (let k = 0; k < entries; k++) {
    let cost = f32x4.mul(scale, v128.load32_splat(halves + (<usize>k << 2)));
    for (let j = 0, at = target; j < vector; j++, at += PITCH, book += 4) {
      cost = f32x4.sub(cost, f32x4.mul(v128.load32_splat(book), v128.load(at)));
    }
    if (!v128.any_true(f32x4.lt(cost, v128.load(beam + (<usize>(BEAM - 1) << 5))))) continue;
    let id = i32x4.splat(k);
    for (let i = 0; i < BEAM; i++) {
      const at = beam + (<usize>i << 5), other = v128.load(at), otherId = v128.load(at, 16), less = f32x4.lt(cost, other);
      v128.store(at, v128.bitselect(cost, other, less));
      v128.store(at, v128.bitselect(id, otherId, less), 16);
      cost = v128.bitselect(other, cost, less);
      id = v128.bitselect(otherId, id, less);
    }
  }
}

/** What is left of the targets beside entries of a book: four rows, to `residuals`. */
function without(metric: usize, vector: i32, scale: v128, book: usize, ids: v128, lane: usize): void {
  const width = <usize>vector << 2;
  const a = book + <usize>i32x4.extract_lane(ids, 0) * width, b = book + <usize>i32x4.extract_lane(ids, 1) * width;
  const c = book + <usize>i32x4.extract_lane(ids, 2) * width, d = book + <usize>i32x4.extract_lane(ids, 3) * width;
  for (let j: usize = 0; j < width; j += 4) {
    const value = f32x4(load<f32>(a + j), load<f32>(b + j), load<f32>(c + j), load<f32>(d + j));
    v128.store(current + (j << 3) + lane, f32x4.mul(scale, value));
  }
  multiply(metric, current + lane, residuals + lane, vector);
  for (let j: usize = 0; j < <usize>vector; j++) {
    const at = residuals + j * PITCH + lane;
    v128.store(at, f32x4.sub(v128.load(targets + j * PITCH + lane), v128.load(at)));
  }
}

/**
 * The best entry of four rows, or pair of entries: the best of the second book for each of the `width` best of the first, and for the one that is there, if it counts. What is there then never
 * becomes worse.
 */
function choose(
  metric: usize, vector: i32, scale: v128, books: usize, halves: usize, count: i32, entries: i32, width: i32, isThere: bool, lane: usize, to: usize,
): void {
  if (count == 1) {
    nearest(books, halves, entries, vector, targets + lane, scale);
    storeIds(v128.load(found, 16), to);
    return;
  }
  const second = books + (<usize>(entries * vector) << 2);
  several(books, halves, entries, vector, targets + lane, scale);
  if (isThere) {
    const ids = loadIds(to);
    v128.store(beam + (<usize>width << 5), costOf(books, halves, vector, targets + lane, scale, ids));
    v128.store(beam + (<usize>width << 5), ids, 16);
    width++;
  }
  let best = f32x4.splat(Infinity), first = i32x4.splat(0), other = i32x4.splat(0);
  for (let i = 0; i < width; i++) {
    const ids = v128.load(beam + (<usize>i << 5), 16);
    without(metric, vector, scale, books, ids, lane);
    nearest(second, halves + (<usize>entries << 2), entries, vector, residuals + lane, scale);
    const cost = f32x4.add(v128.load(beam + (<usize>i << 5)), v128.load(found));
    const less = f32x4.lt(cost, best);
    best = v128.bitselect(cost, best, less);
    first = v128.bitselect(ids, first, less);
    other = v128.bitselect(v128.load(found, 16), other, less);
  }
  storeIds(first, to);
  storeIds(other, to + 8);
}

/** As `nearest` has it, of an entry for each of four rows. */
function costOf(book: usize, halves: usize, vector: i32, target: usize, scale: v128, ids: v128): v128 {
  const a = <usize>i32x4.extract_lane(ids, 0), b = <usize>i32x4.extract_lane(ids, 1);
  const c = <usize>i32x4.extract_lane(ids, 2), d = <usize>i32x4.extract_lane(ids, 3), width = <usize>vector;
  let cost = f32x4.mul(scale, four(halves, a, b, c, d));
  for (let j: usize = 0; j < width; j++) {
    cost = f32x4.sub(cost, f32x4.mul(four(book + (j << 2), a * width, b * width, c * width, d * width), v128.load(target + j * PITCH)));
  }
  return cost;
}

// @ts-ignore: decorator
@inline
function four(table: usize, a: usize, b: usize, c: usize, d: usize): v128 {
  return f32x4(load<f32>(table + (a << 2)), load<f32>(table + (b << 2)), load<f32>(table + (c << 2)), load<f32>(table + (d << 2)));
}

// @ts-ignore: decorator
@inline
function storeIds(ids: v128, to: usize): void {
  const narrow = i16x8.narrow_i32x4_s(ids, ids);
  v128.store32_lane(to, i8x16.narrow_i16x8_u(narrow, narrow), 0);
}

// @ts-ignore: decorator
@inline
function loadIds(from: usize): v128 {
  return i32x4(load<u8>(from), load<u8>(from, 1), load<u8>(from, 2), load<u8>(from, 3));
}

/**
 * A book for vectors: weighted k-means.
 * @param values  `[vector, count]`, f32
 * @param weights  the same
 * @param count  a multiple of 4
 * @param book  `[entries, vector]`, f32: where it begins; changed
 * @param sums  room for `[entries, vector, 2]` f64
 */
export function clusterVectors(values: usize, weights: usize, count: i32, vector: i32, book: usize, entries: i32, rounds: i32, sums: usize): void {
  const pitch = <usize>count << 2;
  for (let round = 0; round < rounds; round++) {
    memory.fill(sums, 0, <usize>(entries * vector) << 4);
    for (let at: usize = 0; at < pitch; at += 16) {
      let best = f32x4.splat(Infinity), ids = i32x4.splat(0), entry = book;
      for (let k = 0; k < entries; k++) {
        let cost = f32x4.splat(0);
        for (let j = 0, from = at; j < vector; j++, from += pitch, entry += 4) {
          const off = f32x4.sub(v128.load(values + from), v128.load32_splat(entry));
          cost = f32x4.add(cost, f32x4.mul(v128.load(weights + from), f32x4.mul(off, off)));
        }
        const less = f32x4.lt(cost, best);
        best = v128.bitselect(cost, best, less);
        ids = v128.bitselect(i32x4.splat(k), ids, less);
      }
      v128.store(found, ids);
      for (let lane: usize = 0; lane < 16; lane += 4) {
        let to = sums + (<usize>(load<i32>(found + lane) * vector) << 4);
        for (let j = 0, from = at + lane; j < vector; j++, from += pitch, to += 16) {
          const weight = <f64>load<f32>(weights + from);
          store<f64>(to, load<f64>(to) + weight * <f64>load<f32>(values + from));
          store<f64>(to, load<f64>(to, 8) + weight, 8);
        }
      }
    }
    for (let i: usize = 0; i < <usize>(entries * vector); i++) {
      const weight = load<f64>(sums + (i << 4), 8);
      if (weight > 0) store<f32>(book + (i << 2), <f32>(load<f64>(sums + (i << 4)) / weight));
    }
  }
}
