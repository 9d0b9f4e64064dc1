/** Counts of elements in bins of equal width, around zero. */
export interface Bins {
  /** Bins reach from -edge to edge: a power of two that is larger than every magnitude, and at most twice the largest. */
  readonly edge: number;
  /** Bin `i` holds elements in [-edge + i * width, -edge + (i + 1) * width), width = 2 * edge / counts.length. */
  readonly counts: Float64Array;
  /** Elements that are not finite, in no bin. */
  readonly nonfinite: number;
  /** The least and the largest element. NaN is passed over; where there is nothing else, they are NaN. */
  readonly min: number;
  readonly max: number;
}

/** At least a quarter of them lie below the largest magnitude on its side of zero. */
export const BINS = 4096;

const HALF = BINS / 2;
/** Where the numbers before the bins lie in a tally. */
const [EXPONENT, NONFINITE, LEAST, LARGEST] = [0, 1, 2, 3];
const HEADER = 4;
/** Below every float of 32 bits, and such that bins a unit are finite. */
const MIN_EXPONENT = -1000;

/**
 * Bins that grow, as one array. What they end as does not depend on the order of what is counted: when a larger magnitude comes, the edge doubles until it
 * holds, and bins are merged by powers of two.
 */
export type Tally = Float64Array;

export function startTally(): Tally {
  const tally = new Float64Array(HEADER + BINS);
  tally[EXPONENT] = MIN_EXPONENT;
  tally[LEAST] = Number.POSITIVE_INFINITY;
  tally[LARGEST] = Number.NEGATIVE_INFINITY;
  return tally;
}

export function countInto(tally: Tally, values: Float32Array | Float64Array): void {
  let edge = edgeOf(tally);
  let binsPerUnit = binsPerUnitOf(tally);
  let [least, largest] = [tally[LEAST]!, tally[LARGEST]!];
  for (const x of values) {
    if (x < least) least = x;
    if (x > largest) largest = x;
    if (x - x !== 0) {
      tally[NONFINITE]! += 1;
      continue;
    }
    if (Math.abs(x) >= edge) {
      reach(tally, Math.abs(x));
      edge = edgeOf(tally);
      binsPerUnit = binsPerUnitOf(tally);
    }
    tally[HEADER + HALF + Math.floor(x * binsPerUnit)]! += 1;
  }
  hold(tally, least, largest);
}

/** Adds what was counted elsewhere, in bins that are the tally's. */
export function addCounts(tally: Tally, counts: Int32Array): void {
  for (let i = 0; i < BINS; i++) tally[HEADER + i]! += counts[i]!;
}

/** Adds what `other` counted. */
export function mergeInto(tally: Tally, other: Tally): void {
  const same = other.slice();
  grow(tally, same[EXPONENT]!);
  grow(same, tally[EXPONENT]!);
  hold(tally, same[LEAST]!, same[LARGEST]!);
  tally[NONFINITE]! += same[NONFINITE]!;
  for (let i = HEADER; i < tally.length; i++) tally[i]! += same[i]!;
}

export function binsOf(tally: Tally): Bins {
  const [min, max] = tally[LEAST]! <= tally[LARGEST]! ? [tally[LEAST]!, tally[LARGEST]!] : [Number.NaN, Number.NaN];
  return { edge: edgeOf(tally), counts: tally.subarray(HEADER), nonfinite: tally[NONFINITE]!, min, max };
}

export function edgeOf(tally: Tally): number {
  return 2 ** tally[EXPONENT]!;
}

export function binsPerUnitOf(tally: Tally): number {
  return HALF / edgeOf(tally);
}

/** The extremes hold `least` and `largest`, too. */
export function hold(tally: Tally, least: number, largest: number): void {
  if (least < tally[LEAST]!) tally[LEAST] = least;
  if (largest > tally[LARGEST]!) tally[LARGEST] = largest;
}

/** The edge becomes the least power of two above a magnitude, which is not zero, unless it is more. */
export function reach(tally: Tally, magnitude: number): void {
  let exponent = Math.floor(Math.log2(magnitude)); // may be rounded
  while (2 ** exponent <= magnitude) exponent++;
  grow(tally, exponent);
}

/** The edge becomes 2^exponent, unless it is more. */
function grow(tally: Tally, exponent: number): void {
  const more = exponent - tally[EXPONENT]!;
  if (!(more > 0)) return;
  tally[EXPONENT] = exponent;
  const before = tally.slice(HEADER);
  tally.fill(0, HEADER);
  for (let i = 0; i < BINS; i++) tally[HEADER + HALF + Math.floor((i - HALF) / 2 ** more)]! += before[i]!;
}
