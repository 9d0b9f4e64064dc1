import { toHalfPrecision } from '../../../core/half.ts';
import type { BlockSearch } from '../../../core/kernels.ts';
import { type LatticeTable, latticeTable } from './lattice-table.ts';

const { fround } = Math;

/** How ggml's lattice types arrange 256 values. */
export interface LatticeType {
  readonly grid: Parameters<typeof latticeTable>[0];
  /** Values with a scale of their own. */
  readonly part: 16 | 32;
  /** Scales are `first + code * step` times the half that all share. */
  readonly first: number;
  readonly step: number;
  readonly codes: 8 | 16;
  /** `even`: of 8 neighbours, an even number is negative; `free`: any; `none`: levels have their own. */
  readonly signs: 'even' | 'free' | 'none';
  /** By which values are moved up or down: those of a part, or those of each entry. */
  readonly shifts?: 'part' | 'entry';
}

/** What a super-block becomes. */
export interface LatticeBlock {
  readonly d: number;
  readonly codes: Uint8Array;
  /** Numbers of the entries. */
  readonly entries: Uint16Array;
  /** A bit for every value that is negative. */
  readonly signs: Uint8Array;
  /** 1 for every entry that is moved down. */
  readonly down: Uint8Array;
}

const SHIFT = 0.125;
/** Multiples of the first guess of a scale, and how often the half that all share is found again. */
const EFFORTS = {
  reference: { guesses: [0.9, 1.15], passes: 1 },
  best: { guesses: [0.75, 0.9, 1.05, 1.25], passes: 2 },
} as const;

/** One way to write a part. */
interface Fit {
  error: number;
  /** What the scale follows from by least squares. */
  xq: number;
  qq: number;
  readonly entries: Uint16Array;
  readonly signs: Uint8Array;
  readonly down: Uint8Array;
}

/**
 * The entries, signs and scales of 256 values. Of a given scale, the entries (and, where their number must be even, the signs) are the best there are: all are
 * tried. Scales are found from a few guesses by least squares, brought to the codes that they are stored with, and the half that all share follows from
 * those, once more.
 *
 * @param weights  what squared errors count, one for each value
 */
export function searchLattice(
  values: Float32Array,
  weights: Float32Array,
  type: LatticeType,
  search: BlockSearch = 'reference',
): LatticeBlock {
  const { guesses, passes } = EFFORTS[search];
  const table = latticeTable(type.grid);
  const parts = 256 / type.part;
  const scales = Float32Array.from({ length: parts }, (_, j) => fitScale(values, weights, j * type.part, table, type, guesses));
  const largest = scales.reduce((most, scale) => Math.max(most, scale), 0);
  const start = toHalfPrecision(fround(largest / fround(type.first + type.step * (type.codes - 1))));
  let best = encode(values, weights, scales, start, table, type);
  for (let pass = 0; pass < passes; pass++) {
    const d = best.qq > 0 ? toHalfPrecision(fround(best.xq / best.qq)) : 0;
    if (!(d > 0) || d === best.block.d) break;
    const next = encode(values, weights, scales, d, table, type);
    if (!(next.error < best.error)) break;
    best = next;
  }
  const squares = values.reduce((sum, x, i) => sum + fround(weights[i]! * fround(x * x)), 0);
  return { ...best.block, d: stretched(best.block.d, squares, best.xq) };
}

/** How much of what values lose on average is made up for: with all of it the error of IQ1 would be larger than ggml's. */
const STRETCH = 0.7;

/** See `stretchWithin`; errors have no limit here, for these are far below ggml's. */
function stretched(d: number, squares: number, xq: number): number {
  const by = squares / (d * xq) - 1;
  if (!(d > 0 && xq > 0 && by > 0)) return d;
  const found = toHalfPrecision(fround(d * (1 + STRETCH * by)));
  return Number.isFinite(found) ? found : d;
}

/** Every part with the better of the two codes beside its scale. */
function encode(values: Float32Array, weights: Float32Array, scales: Float32Array, d: number, table: LatticeTable, type: LatticeType) {
  const { part, codes: count, first, step } = type;
  const perPart = part / table.width;
  const block = {
    d,
    codes: new Uint8Array(scales.length),
    entries: new Uint16Array(256 / table.width),
    signs: new Uint8Array(32),
    down: new Uint8Array(256 / table.width),
  };
  let [error, xq, qq] = [0, 0, 0];
  for (let j = 0; j < scales.length; j++) {
    const wanted = d > 0 ? fround(fround(fround(scales[j]! / d) - first) / step) : 0;
    const low = Math.min(count - 1, Math.max(0, Math.floor(wanted)));
    let code = low;
    let fit = fitPart(values, weights, j * part, fround(d * fround(first + step * low)), table, type);
    if (low + 1 < count && d > 0) {
      const other = fitPart(values, weights, j * part, fround(d * fround(first + step * (low + 1))), table, type);
      if (other.error < fit.error) [code, fit] = [low + 1, other];
    }
    const multiple = fround(first + step * code);
    error += fit.error;
    xq += multiple * fit.xq;
    qq += multiple * multiple * fit.qq;
    block.codes[j] = code;
    block.entries.set(fit.entries, j * perPart);
    block.signs.set(fit.signs, (j * part) / 8);
    block.down.set(fit.down, j * perPart);
  }
  return { block, error, xq, qq };
}

/** The scale of a part, as if every number could be written. */
function fitScale(
  values: Float32Array,
  weights: Float32Array,
  at: number,
  table: LatticeTable,
  type: LatticeType,
  guesses: readonly number[],
): number {
  let [squares, sum] = [0, 0];
  for (let i = at; i < at + type.part; i++) {
    sum = fround(sum + weights[i]!);
    squares = fround(squares + fround(weights[i]! * fround(values[i]! * values[i]!)));
  }
  if (!(squares > 0)) return 0;
  const guess = fround(fround(Math.sqrt(fround(squares / sum))) / table.size);
  let [best, scale] = [0, 0];
  for (let i = 0; i <= guesses.length; i++) {
    const tried = i < guesses.length ? fround(guess * guesses[i]!) : scale;
    if (!(tried > 0)) continue;
    const { xq, qq } = fitPart(values, weights, at, tried, table, type);
    const found = xq > 0 && qq > 0 ? fround(xq / qq) : 0;
    const gain = fround(found * xq);
    if (gain > best) [best, scale] = [gain, found];
  }
  return scale;
}

function fitPart(values: Float32Array, weights: Float32Array, at: number, scale: number, table: LatticeTable, type: LatticeType): Fit {
  if (type.shifts !== 'part') return fitShifted(values, weights, at, scale, table, type, 0);
  const [up, down] = [1, -1].map((shift) => fitShifted(values, weights, at, scale, table, type, shift));
  return down!.error < up!.error ? down! : up!;
}

function fitShifted(
  values: Float32Array,
  weights: Float32Array,
  at: number,
  scale: number,
  table: LatticeTable,
  { part, signs, shifts }: LatticeType,
  shift: number,
): Fit {
  const { width } = table;
  const fit: Fit = {
    error: 0,
    xq: 0,
    qq: 0,
    entries: new Uint16Array(part / width),
    signs: new Uint8Array(part / 8),
    down: new Uint8Array(part / width),
  };
  for (let eight = 0; eight < part; eight += 8) {
    const negative = signs === 'none' ? 0 : signsOf(values, at + eight);
    fit.signs[eight / 8] = negative;
    const isOdd = signs === 'even' && parity(negative) === 1;
    const first = at + eight;
    if (width === 8) {
      const moved = shifts === 'entry' ? SHIFT : shift * SHIFT;
      const up = nearestEntry(values, weights, first, scale, table, signs, isOdd, moved);
      const lower = shifts === 'entry' ? nearestEntry(values, weights, first, scale, table, signs, false, -SHIFT) : up;
      const isLower = lower[0] < up[0];
      const [error, place] = isLower ? lower : up;
      take(fit, values, weights, at, first, place, error, table, isOdd, isLower ? -SHIFT : moved);
      continue;
    }
    const a = nearestEntry(values, weights, first, scale, table, signs, false, 0);
    const b = nearestEntry(values, weights, first + 4, scale, table, signs, false, 0);
    if (!isOdd) {
      take(fit, values, weights, at, first, a[1], a[0], table, false, 0);
      take(fit, values, weights, at, first + 4, b[1], b[0], table, false, 0);
      continue;
    }
    const c = nearestEntry(values, weights, first, scale, table, signs, true, 0);
    const e = nearestEntry(values, weights, first + 4, scale, table, signs, true, 0);
    const isFirst = fround(c[0] + b[0]) <= fround(a[0] + e[0]);
    take(fit, values, weights, at, first, isFirst ? c[1] : a[1], isFirst ? c[0] : a[0], table, isFirst, 0);
    take(fit, values, weights, at, first + 4, isFirst ? b[1] : e[1], isFirst ? b[0] : e[0], table, !isFirst, 0);
  }
  return fit;
}

/** Notes an entry, turns the sign that costs least where one has to be, and adds what the scale follows from. */
function take(
  fit: Fit,
  values: Float32Array,
  weights: Float32Array,
  part: number,
  at: number,
  place: number,
  error: number,
  table: LatticeTable,
  turns: boolean,
  shift: number,
): void {
  const { width, levels, numbers } = table;
  const digits = digitsAt(table, place);
  const byte = (at - part) >> 3;
  let turned = -1;
  if (turns) {
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < width; i++) {
      const cost = fround(fround(weights[at + i]! * Math.abs(values[at + i]!)) * levels[digits[i]!]!);
      if (cost < least) [least, turned] = [cost, i];
    }
    fit.signs[byte]! ^= 1 << ((at + turned) & 7);
  }
  fit.entries[(at - part) / width] = numbers[place]!;
  fit.down[(at - part) / width] = shift < 0 ? 1 : 0;
  fit.error = fround(fit.error + error);
  for (let i = 0; i < width; i++) {
    const level = fround(levels[digits[i]!]! + shift);
    const x = levels[0]! < 0 ? values[at + i]! : i === turned ? -Math.abs(values[at + i]!) : Math.abs(values[at + i]!);
    const weighted = fround(weights[at + i]! * level);
    fit.xq = fround(fit.xq + fround(weighted * x));
    fit.qq = fround(fit.qq + fround(weighted * level));
  }
}

const DIGITS = new Uint8Array(8);

/** Levels of the entry at a place of the runs. */
function digitsAt({ width, levels, firsts, starts, seconds }: LatticeTable, place: number): Uint8Array {
  let run = 0;
  while (starts[run + 1]! <= place) run++;
  const half = width / 2;
  let [first, second] = [firsts[run]!, seconds[place]!];
  for (let i = 0; i < half; i++) {
    DIGITS[i] = first % levels.length;
    DIGITS[half + i] = second % levels.length;
    first = Math.floor(first / levels.length);
    second = Math.floor(second / levels.length);
  }
  return DIGITS;
}

/** Errors of halves, without what does not depend on the entry; and with one sign turned. */
const ERRORS = new Float32Array(64);
const COSTS = new Float32Array(64);
const HALVES = [new Float32Array(81), new Float32Array(81)] as const;
const TURNED = [new Float32Array(81), new Float32Array(81)] as const;

/** The entry with the smallest error, by its place in the runs. */
function nearestEntry(
  values: Float32Array,
  weights: Float32Array,
  at: number,
  scale: number,
  table: LatticeTable,
  signs: LatticeType['signs'],
  turns: boolean,
  shift: number,
): [error: number, place: number] {
  const { width, levels, firsts, starts, seconds } = table;
  const count = levels.length;
  for (let i = 0; i < width; i++) {
    const w = weights[at + i]!;
    const x = signs === 'none' ? values[at + i]! : Math.abs(values[at + i]!);
    const twice = fround(2 * x);
    for (let l = 0; l < count; l++) {
      const y = fround(scale * fround(levels[l]! + shift));
      ERRORS[i * count + l] = w * fround(y * fround(y - twice));
      if (turns) COSTS[i * count + l] = fround(w * fround(2 * twice)) * y;
    }
  }
  fillHalf(0, width, count, turns);
  fillHalf(1, width, count, turns);
  const [first, second] = HALVES;
  const [firstTurned, secondTurned] = TURNED;
  let [error, best] = [Number.POSITIVE_INFINITY, 0];
  for (let run = 0; run < firsts.length; run++) {
    const [from, to] = [starts[run]!, starts[run + 1]!];
    let least = Number.POSITIVE_INFINITY;
    let leastTurned = Number.POSITIVE_INFINITY;
    for (let k = from; k < to; k++) {
      const half = seconds[k]!;
      if (second[half]! < least) least = second[half]!;
      if (turns && secondTurned[half]! < leastTurned) leastTurned = secondTurned[half]!;
    }
    const a = firsts[run]!;
    const found = turns ? Math.min(fround(firstTurned[a]! + least), fround(first[a]! + leastTurned)) : fround(first[a]! + least);
    if (found < error) [error, best] = [found, run];
  }
  const a = firsts[best]!;
  for (let k = starts[best]!; k < starts[best + 1]!; k++) {
    const half = seconds[k]!;
    const found = turns
      ? Math.min(fround(firstTurned[a]! + second[half]!), fround(first[a]! + secondTurned[half]!))
      : fround(first[a]! + second[half]!);
    if (found === error) return [error, k];
  }
  return [error, starts[best]!];
}

function fillHalf(which: 0 | 1, width: number, count: number, turns: boolean): void {
  const [half, turned] = [HALVES[which], TURNED[which]];
  const at = which * (width / 2) * count;
  const pairs = count * count;
  for (let p = 0; p < pairs; p++) {
    const [i, j] = [at + (p % count), at + count + Math.floor(p / count)];
    const pair = fround(ERRORS[i]! + ERRORS[j]!);
    const cost = turns ? Math.min(COSTS[i]!, COSTS[j]!) : 0;
    if (width === 4) {
      half[p] = pair;
      turned[p] = pair + cost;
      continue;
    }
    for (let q = 0; q < pairs; q++) {
      const [k, l] = [at + 2 * count + (q % count), at + 3 * count + Math.floor(q / count)];
      const error = fround(pair + fround(ERRORS[k]! + ERRORS[l]!));
      half[p + q * pairs] = error;
      if (turns) turned[p + q * pairs] = error + Math.min(cost, Math.min(COSTS[k]!, COSTS[l]!));
    }
  }
}

function signsOf(values: Float32Array, at: number): number {
  let bits = 0;
  for (let i = 0; i < 8; i++) if (values[at + i]! < 0) bits |= 1 << i;
  return bits;
}

function parity(bits: number): number {
  let folded = bits ^ (bits >> 4);
  folded ^= folded >> 2;
  return (folded ^ (folded >> 1)) & 1;
}
