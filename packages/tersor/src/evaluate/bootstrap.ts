import { randomFor } from '../core/random.ts';

const RESAMPLES = 1000;

/**
 * The 95 % interval of a statistic over units drawn again and again with replacement (percentile bootstrap, Efron 1979).
 * @param statistic  of the units at these indices, with repetitions
 */
export function bootstrap(units: number, seed: number, statistic: (chosen: Uint32Array) => number): readonly [number, number] {
  const random = randomFor(seed, 'bootstrap');
  const chosen = new Uint32Array(units);
  const values = new Float64Array(RESAMPLES);
  for (let r = 0; r < RESAMPLES; r++) {
    for (let i = 0; i < units; i++) chosen[i] = Math.floor(random() * units);
    values[r] = statistic(chosen);
  }
  values.sort();
  return [values[Math.floor(RESAMPLES * 0.025)] ?? 0, values[Math.ceil(RESAMPLES * 0.975) - 1] ?? 0];
}

export function median(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** The value below which `share` of all are, between two values where it falls there. */
export function quantile(values: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(values).sort();
  const at = (sorted.length - 1) * share;
  const [low, high] = [sorted[Math.floor(at)] ?? 0, sorted[Math.ceil(at)] ?? 0];
  return low + (high - low) * (at % 1);
}
