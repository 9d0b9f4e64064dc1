import type { Bins } from '../histogram.ts';
import type { Range } from '../observation.ts';

/** How the ends of a grid are found from what was seen of a value. */
export type RangeFit = 'minmax' | 'percentile' | 'entropy' | 'mse';

/** Steps between the ends of a grid of 8 bits. */
export const STEPS = 255;

/** Parts of the extremes that are tried as ends. */
const SHARES = Array.from({ length: 60 }, (_, i) => (i + 1) / 60);
/** Times that one end is fitted while the other stays. */
const ROUNDS = 10;
/** Ranges of fewer bins than a grid has steps lose nothing that bins could show. */
const LEAST_BINS = STEPS + 1;

/** Of a value that no run came by. */
const UNSEEN: Range = { min: -1, max: 1 };

/**
 * The range that a value's grid covers; it holds zero. What lies outside moves to its ends.
 *
 * - `minmax`: all that was seen.
 * - `percentile`: all but `100 - percentile` percent at each end.
 * - `mse`: least squared error, of rounding inside (a twelfth of the squared step) and of cutting off outside. Ends are parts of the extremes, fitted by turns.
 * - `entropy`: least Kullback-Leibler divergence between what was seen, with what lies outside put to the ends, and what 256 steps tell apart of it; the
 *   same largest magnitude on both sides.
 *
 * Sources: Jacob et al. 2018, https://arxiv.org/abs/1712.05877 (minmax); Migacz 2017, "8-bit inference with TensorRT" (entropy);
 * Nagel et al. 2021, https://arxiv.org/abs/2106.08295, section 3.1 (mse).
 */
export function fitRange(bins: Bins | undefined, fit: RangeFit, percentile: number): Range {
  if (!bins || Number.isNaN(bins.min)) return UNSEEN;
  const extremes = { min: Math.max(Math.min(bins.min, 0), -bins.edge), max: Math.min(Math.max(bins.max, 0), bins.edge) };
  switch (fit) {
    case 'minmax':
      return extremes;
    case 'percentile':
      return within(extremes, percentileOf(bins, 1 - percentile / 100));
    case 'mse':
      return leastSquares(bins, extremes);
    case 'entropy':
      return leastDivergence(bins, extremes);
  }
}

function within(extremes: Range, { min, max }: Range): Range {
  return { min: Math.max(extremes.min, Math.min(min, 0)), max: Math.min(extremes.max, Math.max(max, 0)) };
}

/** Where `tail` of the elements are left on either side. */
function percentileOf({ counts, edge }: Bins, tail: number): Range {
  const width = (2 * edge) / counts.length;
  const allowed = counts.reduce((sum, count) => sum + count, 0) * tail;
  let [low, below] = [0, 0];
  while (low < counts.length - 1 && below + counts[low]! <= allowed) below += counts[low++]!;
  let [high, above] = [counts.length - 1, 0];
  while (high > 0 && above + counts[high]! <= allowed) above += counts[high--]!;
  return { min: low * width - edge, max: (high + 1) * width - edge };
}

function leastSquares(bins: Bins, extremes: Range): Range {
  const filled = filledBins(bins);
  let best = extremes;
  let least = squaredError(filled, best);
  const tryOut = (range: Range) => {
    const error = squaredError(filled, range);
    if (error < least) [best, least] = [range, error];
  };
  for (const share of SHARES) tryOut({ min: extremes.min * share, max: extremes.max * share });
  for (let round = 0; round < ROUNDS; round++) {
    const before = best;
    for (const share of SHARES) tryOut({ min: best.min, max: extremes.max * share });
    for (const share of SHARES) tryOut({ min: extremes.min * share, max: best.max });
    if (best === before) break;
  }
  return best;
}

interface Filled {
  readonly middle: number;
  readonly count: number;
}

function filledBins({ counts, edge }: Bins): Filled[] {
  const width = (2 * edge) / counts.length;
  return [...counts].flatMap((count, i) => (count > 0 ? [{ middle: (i + 0.5) * width - edge, count }] : []));
}

function squaredError(bins: readonly Filled[], { min, max }: Range): number {
  const rounding = ((max - min) / STEPS) ** 2 / 12;
  let sum = 0;
  for (const { middle, count } of bins) {
    const outside = middle > max ? middle - max : middle < min ? min - middle : 0;
    sum += count * (outside > 0 ? outside * outside : rounding);
  }
  return sum;
}

function leastDivergence({ counts, edge }: Bins, extremes: Range): Range {
  const width = (2 * edge) / counts.length;
  let [best, least] = [extremes, Number.POSITIVE_INFINITY];
  for (const share of SHARES) {
    const limit = Math.max(-extremes.min, extremes.max) * share;
    const range = { min: Math.max(extremes.min, -limit), max: Math.min(extremes.max, limit) };
    const [first, last] = [Math.floor((range.min + edge) / width), Math.ceil((range.max + edge) / width)];
    if (last - first < LEAST_BINS && share < 1) continue;
    const divergence = divergenceOf(counts, Math.max(0, first), Math.min(counts.length, last));
    if (divergence < least) [best, least] = [range, divergence];
  }
  return best;
}

/** Of the bins from `first` to before `last`, with what lies outside at their ends, from the same in as many levels as a grid has. */
function divergenceOf(counts: Float64Array, first: number, last: number): number {
  const inside = counts.slice(first, last);
  const seen = inside.slice();
  for (let i = 0; i < first; i++) seen[0]! += counts[i]!;
  for (let i = last; i < counts.length; i++) seen[seen.length - 1]! += counts[i]!;
  const told = new Float64Array(inside.length);
  for (let level = 0; level < LEAST_BINS; level++) {
    const [from, to] = [level, level + 1].map((at) => Math.floor((at * inside.length) / LEAST_BINS)) as [number, number];
    let [sum, filled] = [0, 0];
    for (let i = from; i < to; i++) {
      sum += inside[i]!;
      if (seen[i]! > 0) filled++;
    }
    for (let i = from; i < to; i++) if (seen[i]! > 0) told[i] = sum / filled;
  }
  const [all, kept] = [seen, told].map((each) => each.reduce((sum, count) => sum + count, 0)) as [number, number];
  let divergence = 0;
  for (let i = 0; i < seen.length; i++) {
    if (seen[i]! === 0) continue;
    // what falls into a level that holds nothing of its own is told from nothing
    divergence += (seen[i]! / all) * Math.log(seen[i]! / all / Math.max(told[i]! / kept, 1e-12));
  }
  return divergence;
}
