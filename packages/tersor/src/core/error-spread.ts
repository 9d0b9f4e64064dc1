import { valuesOf } from './relative-error.ts';
import type { Pair } from './weight-pairs.ts';

/** How far single values of a weight are off, in units of the original's root mean square: half of them at most `p50`, 99 of 100 at most `p99`. */
export interface ErrorSpread {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** Mean of the differences with their sign. */
  readonly bias: number;
}

/** Quantiles are exact to so many parts of the largest difference. */
const BINS = 4096;
const NONE = new Float32Array();

/** @returns undefined where it has no meaning: the first weight is all zeros, values are not finite, or a type has none to compute with */
export async function errorSpread(pairs: readonly (() => Promise<Pair>)[]): Promise<ErrorSpread | undefined> {
  let [count, squares, sum, max] = [0, 0, 0, 0];
  for (const load of pairs) {
    const [was, is] = (await load()).map(valuesOf);
    if (!was || !is || was.length !== is.length) return undefined;
    count += was.length;
    for (let i = 0; i < was.length; i++) {
      const difference = is[i]! - was[i]!;
      squares += was[i]! ** 2;
      sum += difference;
      max = Math.max(max, Math.abs(difference));
    }
  }
  const unit = Math.sqrt(squares / count);
  if (!(unit > 0) || !Number.isFinite(unit + max)) return undefined;
  const counts = new Float64Array(BINS + 1);
  for (const load of pairs) {
    const [was = NONE, is = NONE] = (await load()).map(valuesOf);
    for (let i = 0; i < was.length; i++) counts[max === 0 ? 0 : Math.ceil((Math.abs(is[i]! - was[i]!) / max) * BINS)]! += 1;
  }
  const quantile = (share: number): number => {
    let below = 0;
    const bin = counts.findIndex((each) => {
      below += each;
      return below >= share * count;
    });
    return ((Math.max(0, bin) / BINS) * max) / unit;
  };
  return { p50: quantile(0.5), p99: quantile(0.99), max: max / unit, bias: sum / count / unit };
}
