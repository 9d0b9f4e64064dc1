import { type Random, randomFor } from '../core/random.ts';
import type { Samples } from '../core/samples.ts';

/** `count` of `items` in their own order; all when there are no more. The same seed chooses the same. */
export function choose<T>(items: readonly T[], count: number, seed: number): T[] {
  if (items.length <= count) return [...items];
  return orderToChoose(items.length, seed)
    .slice(0, count)
    .sort((a, b) => a - b)
    .map((index) => items[index]!);
}

/** In which order items are taken until there are enough. */
export function orderToChoose(length: number, seed: number): number[] {
  return shuffled(length, randomFor(seed, 'choose'));
}

/**
 * Half of the samples to choose by, the other half to prove with: nothing that was tuned on is evidence. Sequences stay whole. A single sample
 * has to serve for both.
 */
export function splitHalves(samples: Samples, seed: number): { readonly choose: Samples; readonly prove: Samples } {
  const { length } = samples.samples;
  if (length < 2) return { choose: samples, prove: samples };
  const first = new Set(shuffled(length, randomFor(seed, 'halves')).slice(0, Math.floor(length / 2)));
  const half = (inFirst: boolean): Samples => ({ ...samples, samples: samples.samples.filter((_, index) => first.has(index) === inFirst) });
  return { choose: half(true), prove: half(false) };
}

/** The numbers below `length` in random order (Fisher-Yates). */
function shuffled(length: number, random: Random): number[] {
  const order = Array.from({ length }, (_, index) => index);
  for (let i = length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}
