import { randomFor } from '../core/random.ts';
import type { SubsetsReport } from '../core/report.ts';
import type { Sample } from '../core/samples.ts';

/** Indices of the samples, dealt into `count` parts by lot; samples of one source stay together. Undefined where there are fewer sources than parts. */
export function dealInto(samples: readonly Sample[], count: number, seed: number): number[][] | undefined {
  const sources = new Map<string, number[]>();
  for (const [index, { source }] of samples.entries()) {
    const key = source ?? `#${index}`;
    sources.set(key, [...(sources.get(key) ?? []), index]);
  }
  if (count < 2 || sources.size < count) return undefined;
  const random = randomFor(seed, 'subsets');
  const dealt = [...sources.values()].map((indices) => ({ indices, lot: random() })).sort((a, b) => a.lot - b.lot);
  return Array.from({ length: count }, (_, part) => dealt.filter((_, at) => at % count === part).flatMap(({ indices }) => indices));
}

/** Of what is lost on several parts. */
export function spreadOf(drops: readonly number[]): { readonly mean: number; readonly deviation: number } {
  const mean = drops.reduce((sum, drop) => sum + drop, 0) / drops.length;
  return { mean, deviation: Math.sqrt(drops.reduce((sum, drop) => sum + (drop - mean) ** 2, 0) / (drops.length - 1)) };
}

/**
 * What is lost on each of `count` parts of the samples, dealt by lot; samples of one source stay together.
 * @param quality  of the samples at these indices
 * @returns undefined where there are fewer sources than parts
 */
export function subsetsOf(
  samples: readonly Sample[],
  count: number,
  seed: number,
  quality: (chosen: Uint32Array) => number,
): SubsetsReport | undefined {
  const parts = dealInto(samples, count, seed);
  if (!parts) return undefined;
  const drops = parts.map((part) => 1 - quality(Uint32Array.from(part)));
  const whole = 1 - quality(Uint32Array.from(samples.keys()));
  const nearest = drops.reduce((best, drop, at) => (Math.abs(drop - whole) < Math.abs((drops[best] ?? 0) - whole) ? at : best), 0);
  const ids = (parts[nearest] ?? []).map((index) => samples[index]?.id ?? '');
  return { drops, ...spreadOf(drops), representative: { subset: nearest, samples: ids } };
}
