import { randomFor } from '../core/random.ts';
import type { SubsetsReport } from '../core/report.ts';
import type { Sample } from '../core/samples.ts';

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
  const sources = new Map<string, number[]>();
  for (const [index, { source }] of samples.entries()) {
    const key = source ?? `#${index}`;
    sources.set(key, [...(sources.get(key) ?? []), index]);
  }
  if (count < 2 || sources.size < count) return undefined;
  const random = randomFor(seed, 'subsets');
  const dealt = [...sources.values()].map((indices) => ({ indices, lot: random() })).sort((a, b) => a.lot - b.lot);
  const parts = Array.from({ length: count }, (_, part) => dealt.filter((_, at) => at % count === part).flatMap(({ indices }) => indices));
  const drops = parts.map((part) => 1 - quality(Uint32Array.from(part)));
  const whole = 1 - quality(Uint32Array.from(samples.keys()));
  const mean = drops.reduce((sum, drop) => sum + drop, 0) / count;
  const deviation = Math.sqrt(drops.reduce((sum, drop) => sum + (drop - mean) ** 2, 0) / (count - 1));
  const nearest = drops.reduce((best, drop, at) => (Math.abs(drop - whole) < Math.abs((drops[best] ?? 0) - whole) ? at : best), 0);
  const ids = (parts[nearest] ?? []).map((index) => samples[index]?.id ?? '');
  return { drops, mean, deviation, representative: { subset: nearest, samples: ids } };
}
