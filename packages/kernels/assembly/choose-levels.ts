// Levels that lose little and take few bits. Twin of kernels/reference/choose-levels.ts.
import { BATCH, passBehind, passWithin } from './compensate';

/** Magnitudes that rates are told apart for, of each quantizer and context. */
const MAGNITUDES: i32 = 32;
const CONTEXTS: i32 = 64;
/** The two states before each state, each with whether the number between is odd. */
const BEFORE = memory.data<u8>([0, 0, 4, 1, 2, 0, 6, 1, 0, 1, 4, 0, 2, 1, 6, 0, 5, 0, 3, 1, 1, 0, 7, 1, 3, 0, 5, 1, 7, 0, 1, 1]);
/** Least costs of the eight states, before and behind a place; costs of even and odd numbers of both quantizers. */
const COSTS = memory.data(128, 16);
const BRANCHES = memory.data(32, 16);
const NEVER: f64 = 1e300;

/**
 * @param values  `[lines, pitch]`, f32; changed where errors are made up for
 * @param pitch  a multiple of 8, of which `length` are there
 * @param lineSteps  f32 for each line, in its place; `placeSteps`: for each place on a line. A step is their product
 * @param lineContexts  i32 for each line, and for each place: the context is their sum
 * @param rates  `[contexts, quantizers, magnitudes]`, f32, bits times what a bit may cost, in squares of steps
 * @param run  places after which a trellis begins anew
 * @param order  lines in the order in which they are chosen, u32; each has its own place in `values`
 * @param factor  `[groups, lines, lines]` in that order, f32, upper triangular; 0: nothing is made up for
 * @param scratch  room for 16 bytes a place, and for `[32, pitch]` f32 behind
 * @param levels  `[lines, pitch]`, i16
 */
export function chooseLevels(
  values: usize, lines: i32, length: i32, pitch: i32, lineSteps: usize, placeSteps: usize, lineContexts: usize, placeContexts: usize,
  rates: usize, isTrellis: i32, run: i32, order: usize, factor: usize, groups: i32, scratch: usize, levels: usize,
): void {
  const bytes = <usize>pitch << 2;
  const errors = scratch + (<usize>pitch << 4);
  for (let start: i32 = 0; start < lines; start += BATCH) {
    const end = min(lines, start + BATCH);
    for (let i = start; i < end; i++) {
      const line = load<u32>(order + (<usize>i << 2));
      const from = values + <usize>line * bytes, to = levels + (<usize>line * bytes >> 1), error = errors + <usize>(i - start) * bytes;
      const step = load<f32>(lineSteps + (<usize>line << 2)), context = load<i32>(lineContexts + (<usize>line << 2));
      for (let place: i32 = 0; place < length; place += run) {
        const at = <usize>place << 2;
        chooseRun(from + at, min(run, length - place), step, placeSteps + at, context, placeContexts + at, rates, isTrellis, scratch, to + (at >> 1));
      }
      if (factor == 0) continue;
      const own = factor + (<usize>i * lines << 2);
      for (let place: i32 = 0; place < length; place++) {
        const at = <usize>place << 2;
        const pivot = load<f32>(own + (<usize>i << 2) + <usize>(place * groups / length) * (<usize>lines * lines << 2));
        const value = <f32>load<i16>(to + (at >> 1)) * (step * load<f32>(placeSteps + at));
        store<f32>(error + at, (load<f32>(from + at) - value) * (1 / pivot));
      }
      for (let place = length; place < pitch; place++) store<f32>(error + (<usize>place << 2), 0);
      if (groups == 1) passWithin(values, order, own, i, end, error, bytes);
      else passByGroups(values, lines, length, order, own, i, groups, error, bytes);
    }
    if (factor != 0 && groups == 1) passBehind(values, lines, order, factor, start, end, errors, bytes);
  }
}

/** Every group of places has a factor of its own. */
function passByGroups(values: usize, lines: i32, length: i32, order: usize, own: usize, i: i32, groups: i32, error: usize, bytes: usize): void {
  for (let j = i + 1; j < lines; j++) {
    const to = values + <usize>load<u32>(order + (<usize>j << 2)) * bytes;
    for (let place: i32 = 0; place < length; place++) {
      const at = <usize>place << 2;
      const share = load<f32>(own + (<usize>j << 2) + <usize>(place * groups / length) * (<usize>lines * lines << 2));
      store<f32>(to + at, load<f32>(to + at) - load<f32>(error + at) * share);
    }
  }
}

// What the numbers of a quantizer cost at a place: the best that is even, and the best that is odd.
let evenCost: f64 = 0, oddCost: f64 = 0;
let even: i32 = 0, odd: i32 = 0;

// @ts-ignore: decorator
@inline
function costOf(value: f32, number: i32, quantizer: i32, spread: i32, table: usize): f64 {
  const level: i32 = number == 0 ? 0 : spread * number - quantizer;
  const missed = value - <f32>level;
  return <f64>missed * <f64>missed + <f64>load<f32>(table + (<usize>min(MAGNITUDES - 1, number) << 2));
}

// @ts-ignore: decorator
@inline
function weigh(value: f32, quantizer: i32, spread: i32, table: usize): void {
  const most: i32 = 32767 / spread - 1;
  const below = <i32>min<f32>(<f32>most, (value + <f32>quantizer) / <f32>spread), above = below + 1;
  const lower = costOf(value, below, quantizer, spread, table), upper = costOf(value, above, quantizer, spread, table);
  const isOdd = below & 1;
  even = isOdd ? above : below;
  odd = isOdd ? below : above;
  evenCost = isOdd ? upper : lower;
  oddCost = isOdd ? lower : upper;
  const nothing = costOf(value, 0, quantizer, spread, table);
  if (nothing < evenCost) {
    even = 0;
    evenCost = nothing;
  }
}

/** Of one run of a trellis, or of places that know nothing of one another. Source: Viterbi 1967, https://doi.org/10.1109/TIT.1967.1054010 */
function chooseRun(
  values: usize, count: i32, lineStep: f32, placeSteps: usize, lineContext: i32, placeContexts: usize, rates: usize, isTrellis: i32, scratch: usize, levels: usize,
): void {
  let before = COSTS, behind = COSTS + 64;
  for (let state: usize = 0; state < 8; state++) store<f64>(before + (state << 3), state == 0 ? 0 : NEVER);
  for (let i: i32 = 0; i < count; i++) {
    const at = <usize>i << 2;
    const signed = load<f32>(values + at);
    const value = abs(signed / (lineStep * load<f32>(placeSteps + at)));
    const context = max(0, min(CONTEXTS - 1, lineContext + load<i32>(placeContexts + at)));
    const table = rates + (<usize>(context * 2 * MAGNITUDES) << 2);
    weigh(value, 0, isTrellis ? 2 : 1, table);
    if (!isTrellis) {
      const number = oddCost < evenCost ? odd : even;
      store<i16>(levels + (at >> 1), <i16>(signed < 0 ? -number : number));
      continue;
    }
    const place = scratch + (<usize>i << 4);
    store<i16>(place, <i16>even, 8);
    store<i16>(place, <i16>odd, 10);
    store<f64>(BRANCHES, evenCost);
    store<f64>(BRANCHES, oddCost, 8);
    weigh(value, 1, 2, table + (MAGNITUDES << 2));
    store<i16>(place, <i16>even, 12);
    store<i16>(place, <i16>odd, 14);
    store<f64>(BRANCHES, evenCost, 16);
    store<f64>(BRANCHES, oddCost, 24);
    for (let state: usize = 0; state < 8; state++) {
      const ways = BEFORE + (state << 2);
      const first = <usize>load<u8>(ways), firstOdd = <usize>load<u8>(ways, 1), second = <usize>load<u8>(ways, 2), secondOdd = <usize>load<u8>(ways, 3);
      const one = load<f64>(before + (first << 3)) + load<f64>(BRANCHES + ((first & 1) << 4 | firstOdd << 3));
      const other = load<f64>(before + (second << 3)) + load<f64>(BRANCHES + ((second & 1) << 4 | secondOdd << 3));
      const isOther = other < one;
      store<f64>(behind + (state << 3), isOther ? other : one);
      store<u8>(place + state, <u8>(isOther ? second | secondOdd << 3 : first | firstOdd << 3));
    }
    const swapped = before;
    before = behind;
    behind = swapped;
  }
  if (!isTrellis) return;
  let state: usize = 0;
  for (let other: usize = 1; other < 8; other++) if (load<f64>(before + (other << 3)) < load<f64>(before + (state << 3))) state = other;
  for (let i = count - 1; i >= 0; i--) {
    const place = scratch + (<usize>i << 4);
    const way = <usize>load<u8>(place + state);
    state = way & 7;
    const number = <i32>load<i16>(place + ((state & 1) << 2 | (way >> 3) << 1), 8);
    const level = number == 0 ? 0 : 2 * number - <i32>(state & 1);
    store<i16>(levels + (<usize>i << 1), <i16>(load<f32>(values + (<usize>i << 2)) < 0 ? -level : level));
  }
}
