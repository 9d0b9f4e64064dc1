import type { Summary } from '../../core/kernels.ts';

/** Sums run over the finite values in f64, in four strands (element i goes to strand i mod 4) that are added at the end. */
export function summarize(values: Float32Array): Summary {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let least = Number.POSITIVE_INFINITY;
  let zeros = 0;
  let nonFinite = 0;
  const sums: [number, number, number, number] = [0, 0, 0, 0];
  const squares: [number, number, number, number] = [0, 0, 0, 0];
  values.forEach((value, i) => {
    if (!Number.isFinite(value)) {
      nonFinite++;
      return;
    }
    if (value < min) min = value;
    if (value > max) max = value;
    if (value === 0) zeros++;
    else least = Math.min(least, Math.abs(value));
    const strand = (i % 4) as 0 | 1 | 2 | 3;
    sums[strand] += value;
    squares[strand] += value * value;
  });
  return summaryOf({ min, max, least, zeros, nonFinite, sums, squares });
}

interface Tally {
  /** Infinities where there was no value. */
  readonly min: number;
  readonly max: number;
  readonly least: number;
  readonly zeros: number;
  readonly nonFinite: number;
  readonly sums: readonly [number, number, number, number];
  readonly squares: readonly [number, number, number, number];
}

export function summaryOf({ min, max, least, zeros, nonFinite, sums, squares }: Tally): Summary {
  const isEmpty = min > max;
  const low = isEmpty ? 0 : min + 0;
  const high = isEmpty ? 0 : max + 0;
  return {
    min: low,
    max: high,
    peak: Math.max(high, -low, 0),
    least: least === Number.POSITIVE_INFINITY ? 0 : least,
    sum: addStrands(sums),
    sumOfSquares: addStrands(squares),
    zeros,
    nonFinite,
  };
}

function addStrands([a, b, c, d]: readonly [number, number, number, number]): number {
  return a + b + (c + d) + 0;
}
