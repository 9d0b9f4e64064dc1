import { type Random, randomFor } from '../core/random.ts';
import type { Sample, Samples } from '../core/samples.ts';

/** `count` of `items` in their own order; all when there are no more. The same seed chooses the same. */
export function choose<T>(items: readonly T[], count: number, seed: number): T[] {
  if (items.length <= count) return [...items];
  return orderToChoose(items.length, seed)
    .slice(0, count)
    .sort((a, b) => a - b)
    .map((index) => items[index]!);
}

/**
 * In which order items are taken until there are enough. Where they have strata (classes), any number of the first ones has them in their proportions, as
 * near as may be.
 */
export function orderToChoose(length: number, seed: number, stratumOf?: (index: number) => string | undefined): number[] {
  const order = shuffled(length, randomFor(seed, 'choose'));
  if (!stratumOf) return order;
  const members = groupBy(order, stratumOf);
  const places = [...members.values()].flatMap((group) => group.map((index, at) => ({ index, place: (at + 0.5) / group.length })));
  return places.sort((a, b) => a.place - b.place).map(({ index }) => index);
}

/**
 * Half of the samples to choose by, the other half to prove with: nothing that was tuned on is evidence. Sequences stay whole, samples of one source
 * stay together, and every class is halved. A single source has to serve for both.
 */
export function splitHalves(samples: Samples, seed: number): { readonly choose: Samples; readonly prove: Samples } {
  const sources = [...groupBy(samples.samples, ({ source }, index) => source ?? index).values()];
  if (sources.length < 2) return { choose: samples, prove: samples };
  const order = shuffled(sources.length, randomFor(seed, 'halves')).map((index) => sources[index]!);
  const strata = groupBy(order, ([first]) => String(first?.labels?.[0] ?? ''));
  const first = new Set<Sample>();
  let owed = 0;
  for (const members of strata.values()) {
    owed += members.length / 2;
    const take = Math.floor(owed);
    owed -= take;
    for (const sample of members.slice(0, take).flat()) first.add(sample);
  }
  const half = (inFirst: boolean): Samples => ({ ...samples, samples: samples.samples.filter((sample) => first.has(sample) === inFirst) });
  return { choose: half(true), prove: half(false) };
}

function groupBy<T, K>(items: readonly T[], keyOf: (item: T, index: number) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const [index, item] of items.entries()) {
    const key = keyOf(item, index);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
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
