/** Counts of elements in bins of equal width, around zero. */
export interface Bins {
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
/** Where the numbers before the bins lie in a tally. */
const [EXPONENT, NONFINITE] = [0, 1];
const HEADER = 2;
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
  return tally;
}

/** Four neighbours are counted in a table each, so that equal ones need not wait for one another: twice as quick as one table. */
export function countInto(tally: Tally, values: Float32Array | Float64Array): void {
  const tables = new Int32Array(4 * BINS);
  let edge = edgeOf(tally);
  let scale = HALF / edge;
  const countOne = (x: number): void => {
    if (x - x !== 0) {
      tally[NONFINITE]! += 1;
      return;
    }
    const magnitude = Math.abs(x);
    if (magnitude >= edge) {
      empty(tables, tally);
      grow(tally, exponentAbove(magnitude));
      edge = edgeOf(tally);
      scale = HALF / edge;
    }
    tables[(Math.floor(x * scale) + HALF) | 0]!++;
  };
  const even = values.length - (values.length % 4);
  for (let i = 0; i < even; i += 4) {
    const a = values[i]!;
    const b = values[i + 1]!;
    const c = values[i + 2]!;
    const d = values[i + 3]!;
    if (Math.abs(a) < edge && Math.abs(b) < edge && Math.abs(c) < edge && Math.abs(d) < edge) {
      tables[(Math.floor(a * scale) + HALF) | 0]!++;
      tables[((Math.floor(b * scale) + HALF) | 0) + BINS]!++;
      tables[((Math.floor(c * scale) + HALF) | 0) + 2 * BINS]!++;
      tables[((Math.floor(d * scale) + HALF) | 0) + 3 * BINS]!++;
    } else for (let k = i; k < i + 4; k++) countOne(values[k]!);
  }
  for (let k = even; k < values.length; k++) countOne(values[k]!);
  empty(tables, tally);
}

/** Adds what `other` counted. */
export function mergeInto(tally: Tally, other: Tally): void {
  const same = other.slice();
  grow(tally, same[EXPONENT]!);
  grow(same, tally[EXPONENT]!);
  for (let i = NONFINITE; i < tally.length; i++) tally[i]! += same[i]!;
}

export function binsOf(tally: Tally): Bins {
  return { edge: edgeOf(tally), counts: tally.subarray(HEADER), nonfinite: tally[NONFINITE]! };
}

function edgeOf(tally: Tally): number {
  return 2 ** tally[EXPONENT]!;
}

/** Moves what tables counted into the bins. */
function empty(tables: Int32Array, tally: Tally): void {
  for (let i = 0; i < tables.length; i++) tally[HEADER + (i % BINS)]! += tables[i]!;
  tables.fill(0);
}

/** Of the least power of two above a magnitude, which is not zero. */
function exponentAbove(magnitude: number): number {
  let exponent = Math.floor(Math.log2(magnitude)); // may be rounded
  while (2 ** exponent <= magnitude) exponent++;
  return exponent;
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
