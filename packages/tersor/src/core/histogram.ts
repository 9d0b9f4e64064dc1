/** Counts of elements in bins of equal width, around zero. */
export interface Histogram {
  readonly min: number;
  readonly max: number;
  /** Bins reach from -edge to edge: a power of two that is larger than every magnitude, and at most twice the largest. */
  readonly edge: number;
  /** Bin `i` holds elements in [-edge + i * width, -edge + (i + 1) * width), width = 2 * edge / counts.length. */
  readonly counts: Float64Array;
  /** Elements that are not finite, in no bin. */
  readonly nonfinite: number;
}

/** At least a quarter of them lie below the largest magnitude on its side of zero. */
export const BINS = 4096;

const HALF = BINS / 2;
const HEADER = 4;
/** Where the numbers before the bins lie in a tally. */
const [EXPONENT, MIN, MAX, NONFINITE] = [0, 1, 2, 3];
/** Below every float of 32 bits, and such that bins a unit are finite. */
const MIN_EXPONENT = -1000;

/**
 * A histogram that grows, as one array. What it ends as does not depend on the order of what it counts: when a larger magnitude comes, the edge
 * doubles until it holds, and bins are merged by powers of two.
 */
export type Tally = Float64Array;

export function startTally(): Tally {
  const tally = new Float64Array(HEADER + BINS);
  tally[EXPONENT] = MIN_EXPONENT;
  tally[MIN] = Number.POSITIVE_INFINITY;
  tally[MAX] = Number.NEGATIVE_INFINITY;
  return tally;
}

export function countInto(tally: Tally, values: Float32Array | Float64Array): void {
  let scale = scaleOf(tally);
  let min = tally[MIN]!;
  let max = tally[MAX]!;
  for (let i = 0; i < values.length; i++) {
    const x = values[i]!;
    let at = Math.floor(x * scale) + HALF;
    // the first bin's lower end is the edge itself, which is to be larger than every magnitude
    if (!(at > 0 && at < BINS)) {
      if (x - x !== 0) {
        tally[NONFINITE] = tally[NONFINITE]! + 1;
        continue;
      }
      grow(tally, Math.floor(Math.log2(Math.abs(x))), Math.abs(x));
      scale = scaleOf(tally);
      at = Math.floor(x * scale) + HALF;
    }
    tally[HEADER + at] = tally[HEADER + at]! + 1;
    if (x < min) min = x;
    if (x > max) max = x;
  }
  tally[MIN] = min;
  tally[MAX] = max;
}

/** Adds what `other` counted. */
export function mergeInto(tally: Tally, other: Tally): void {
  const same = other.slice();
  grow(tally, same[EXPONENT]!);
  grow(same, tally[EXPONENT]!);
  for (let i = HEADER; i < tally.length; i++) tally[i] = tally[i]! + same[i]!;
  tally[NONFINITE] = tally[NONFINITE]! + same[NONFINITE]!;
  tally[MIN] = Math.min(tally[MIN]!, same[MIN]!);
  tally[MAX] = Math.max(tally[MAX]!, same[MAX]!);
}

export function histogramOf(tally: Tally): Histogram {
  return {
    min: tally[MIN]!,
    max: tally[MAX]!,
    edge: 2 ** tally[EXPONENT]!,
    counts: tally.subarray(HEADER),
    nonfinite: tally[NONFINITE]!,
  };
}

/** The edge becomes 2^exponent, or more until it is larger than `magnitude`; never less than it is. */
function grow(tally: Tally, exponent: number, magnitude = 0): void {
  let wanted = Math.max(exponent, tally[EXPONENT]!);
  while (2 ** wanted <= magnitude) wanted++; // the logarithm is the floor's, and may be rounded
  const merged = 2 ** (wanted - tally[EXPONENT]!);
  tally[EXPONENT] = wanted;
  if (merged === 1) return;
  const before = tally.slice(HEADER);
  tally.fill(0, HEADER);
  for (let i = 0; i < BINS; i++) {
    const at = HEADER + HALF + Math.floor((i - HALF) / merged);
    tally[at] = tally[at]! + before[i]!;
  }
}

/** Bins a unit. */
function scaleOf(tally: Tally): number {
  return HALF / 2 ** tally[EXPONENT]!;
}
