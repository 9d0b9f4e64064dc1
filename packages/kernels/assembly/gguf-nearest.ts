// The nearest entries of ggml's lattices, four groups at a time. Twin of nearestEntry in kernels/reference/ggml/lattice-search.ts.

/** A table as the host arranges it: five numbers, eight levels, the root mean square of all, and the runs. See kernels/wasm-lattices.ts. */
let width: i32 = 0;
let count: i32 = 0;
let runs: i32 = 0;
let levels: usize = 0;
export let size: f32 = 0;
let firsts: usize = 0;
let starts: usize = 0;
let seconds: usize = 0;
let numbers: usize = 0;

export function useTable(table: usize): void {
  width = load<i32>(table);
  count = load<i32>(table, 4);
  runs = load<i32>(table, 8);
  const entries = load<i32>(table, 12);
  size = load<f32>(table, 16);
  levels = table + 32;
  firsts = table + 64;
  starts = firsts + (<usize>runs << 1);
  seconds = starts + (<usize>(runs + 1) << 1);
  numbers = seconds + (<usize>entries << 1);
}

/** Values and weights of a batch: element i of its four groups at i * 16. */
const ERRORS: usize = memory.data(1024, 16);
const COSTS: usize = memory.data(1024, 16);
const PAIRS: usize = memory.data(288, 16);
const PAIR_COSTS: usize = memory.data(288, 16);
/** Errors of the halves of entries, without what does not depend on the entry; and with one sign turned. */
const FIRST: usize = memory.data(1296, 16);
const SECOND: usize = memory.data(1296, 16);
const FIRST_TURNED: usize = memory.data(1296, 16);
const SECOND_TURNED: usize = memory.data(1296, 16);

/** What a batch is given: the scale of each group, and all ones where one sign has to be turned. */
export const SCALE: usize = memory.data(16, 16);
export const TURNS: usize = memory.data(16, 16);
/** Of each of the four groups: error, first and second half of the entry, its number. */
export const FOUND: usize = memory.data(16, 16);
export const FIRSTS: usize = memory.data(16, 16);
export const SECONDS: usize = memory.data(16, 16);
export const NUMBERS: usize = memory.data(16, 16);
const RUNS: usize = memory.data(16, 16);

// @ts-ignore: decorator
@inline
function fillHalf(at: usize, half: usize, turned: usize, turns: bool): void {
  const levelBytes = <usize>count << 4;
  for (let q = 0; q < count; q++) {
    for (let p = 0; p < count; p++) {
      const to = <usize>(p + q * count) << 4;
      const i = at + (<usize>p << 4), j = at + levelBytes + (<usize>q << 4);
      const pair = f32x4.add(v128.load(ERRORS + i), v128.load(ERRORS + j));
      const cost = turns ? f32x4.pmin(v128.load(COSTS + i), v128.load(COSTS + j)) : f32x4.splat(0);
      if (width == 4) {
        v128.store(half + to, pair);
        if (turns) v128.store(turned + to, f32x4.add(pair, cost));
        continue;
      }
      const k = at + 2 * levelBytes + (<usize>p << 4), l = at + 3 * levelBytes + (<usize>q << 4);
      v128.store(PAIRS + to, pair);
      v128.store(PAIRS + 144 + to, f32x4.add(v128.load(ERRORS + k), v128.load(ERRORS + l)));
      if (turns) {
        v128.store(PAIR_COSTS + to, cost);
        v128.store(PAIR_COSTS + 144 + to, f32x4.pmin(v128.load(COSTS + k), v128.load(COSTS + l)));
      }
    }
  }
  if (width == 4) return;
  for (let q: usize = 0; q < 144; q += 16) {
    const right = v128.load(PAIRS + 144 + q), rightCost = turns ? v128.load(PAIR_COSTS + 144 + q) : right;
    for (let p: usize = 0; p < 144; p += 16) {
      const error = f32x4.add(v128.load(PAIRS + p), right), to = p + q * 9;
      v128.store(half + to, error);
      if (turns) v128.store(turned + to, f32x4.add(error, f32x4.pmin(v128.load(PAIR_COSTS + p), rightCost)));
    }
  }
}

/**
 * Finds the entries of four groups: `values` are magnitudes, or values where levels have signs. `odd`: in which of them one sign has to be turned, if `turns`.
 */
// @ts-ignore: decorator
@inline
function nearest(values: usize, weights: usize, scale: v128, shift: f32, odd: v128, turns: bool): void {
  for (let i = 0; i < width; i++) {
    const x = v128.load(values + (<usize>i << 4)), w = v128.load(weights + (<usize>i << 4));
    const twice = f32x4.add(x, x), four = v128.and(f32x4.mul(w, f32x4.add(twice, twice)), odd);
    for (let l = 0; l < count; l++) {
      const to = <usize>(i * count + l) << 4;
      const y = f32x4.mul(scale, f32x4.splat(load<f32>(levels + (<usize>l << 2)) + shift));
      v128.store(ERRORS + to, f32x4.mul(w, f32x4.mul(y, f32x4.sub(y, twice))));
      if (turns) v128.store(COSTS + to, f32x4.mul(four, y));
    }
  }
  fillHalf(0, FIRST, FIRST_TURNED, turns);
  fillHalf(<usize>((width >> 1) * count) << 4, SECOND, SECOND_TURNED, turns);
  let best = f32x4.splat(f32.POSITIVE_INFINITY), bestRun = i32x4.splat(0);
  let k = seconds;
  for (let run = 0; run < runs; run++) {
    const end = seconds + (<usize>load<u16>(starts + (<usize>(run + 1) << 1)) << 1);
    let least = f32x4.splat(f32.POSITIVE_INFINITY), leastTurned = least;
    for (; k + 8 <= end; k += 8) {
      const a = <usize>load<u16>(k) << 4, b = <usize>load<u16>(k, 2) << 4, c = <usize>load<u16>(k, 4) << 4, d = <usize>load<u16>(k, 6) << 4;
      least = f32x4.pmin(least, f32x4.pmin(f32x4.pmin(v128.load(a, SECOND), v128.load(b, SECOND)), f32x4.pmin(v128.load(c, SECOND), v128.load(d, SECOND))));
      if (!turns) continue;
      const ab = f32x4.pmin(v128.load(a, SECOND_TURNED), v128.load(b, SECOND_TURNED));
      leastTurned = f32x4.pmin(leastTurned, f32x4.pmin(ab, f32x4.pmin(v128.load(c, SECOND_TURNED), v128.load(d, SECOND_TURNED))));
    }
    for (; k < end; k += 2) {
      const half = <usize>load<u16>(k) << 4;
      least = f32x4.pmin(least, v128.load(half, SECOND));
      if (turns) leastTurned = f32x4.pmin(leastTurned, v128.load(half, SECOND_TURNED));
    }
    const a = <usize>load<u16>(firsts + (<usize>run << 1)) << 4;
    let found = f32x4.add(v128.load(turns ? FIRST_TURNED + a : FIRST + a), least);
    if (turns) found = f32x4.pmin(found, f32x4.add(v128.load(FIRST + a), leastTurned));
    const wins = f32x4.lt(found, best);
    best = v128.bitselect(found, best, wins);
    bestRun = v128.bitselect(i32x4.splat(run), bestRun, wins);
  }
  v128.store(FOUND, best);
  v128.store(RUNS, bestRun);
  for (let lane: usize = 0; lane < 16; lane += 4) place(lane, turns);
}

/** Which of the run it is. */
// @ts-ignore: decorator
@inline
function place(lane: usize, turns: bool): void {
  const run = <usize>load<i32>(RUNS + lane), error = load<f32>(FOUND + lane);
  const from = <usize>load<u16>(starts + (run << 1)), to = <usize>load<u16>(starts + ((run + 1) << 1));
  const first = <i32>load<u16>(firsts + (run << 1)), a = (<usize>first << 4) + lane;
  let at = from;
  for (let k = from; k < to; k++) {
    const half = (<usize>load<u16>(seconds + (k << 1)) << 4) + lane;
    let found = load<f32>(FIRST + a) + load<f32>(SECOND + half);
    if (turns) found = min(load<f32>(FIRST_TURNED + a) + load<f32>(SECOND + half), load<f32>(FIRST + a) + load<f32>(SECOND_TURNED + half));
    if (found == error) {
      at = k;
      break;
    }
  }
  store<i32>(FIRSTS + lane, first);
  store<i32>(SECONDS + lane, <i32>load<u16>(seconds + (at << 1)));
  store<i32>(NUMBERS + lane, <i32>load<u16>(numbers + (at << 1)));
}

export function nearestPlain(values: usize, weights: usize, shift: f32): void {
  nearest(values, weights, v128.load(SCALE), shift, i32x4.splat(0), false);
}

export function nearestTurned(values: usize, weights: usize): void {
  nearest(values, weights, v128.load(SCALE), 0, v128.load(TURNS), true);
}

/** Levels of an entry that is known by its halves, as floats from `to` on. */
export function levelsOf(first: i32, second: i32, to: usize): void {
  const half = width >> 1;
  for (let i = 0; i < half; i++) {
    store<f32>(to + (<usize>i << 2), load<f32>(levels + (<usize>(first % count) << 2)));
    store<f32>(to + (<usize>(half + i) << 2), load<f32>(levels + (<usize>(second % count) << 2)));
    first /= count;
    second /= count;
  }
}
