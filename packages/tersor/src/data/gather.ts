import type { Sample } from '../core/samples.ts';
import { orderToChoose } from './choose.ts';
import { digestOf } from './digest-node.ts';

export interface Gathering {
  readonly limit: number;
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
}

/** Samples that differ from each other, and what to say about those that were left out. */
export interface Gathered {
  readonly samples: Sample[];
  readonly notes: readonly string[];
}

/**
 * Up to `limit` different samples, chosen by the seed and in the order of `items`. An item is only read when it is chosen; one that feeds exactly what
 * another one does is left out, since it would be evidence twice, and could lie in both halves. With strata, they are chosen in proportion.
 */
export async function gather<T>(
  items: readonly T[],
  { limit, seed, signal }: Gathering,
  make: (item: T) => Sample | Promise<Sample>,
  stratumOf?: (item: T) => string | undefined,
): Promise<Gathered> {
  const found = new Map<string, { readonly index: number; readonly sample: Sample }>();
  let read = 0;
  for (const index of orderToChoose(items.length, seed, stratumOf && ((index) => stratumOf(items[index] as T)))) {
    if (found.size === limit) break;
    signal?.throwIfAborted();
    const sample = await make(items[index] as T);
    const digest = digestOf(sample);
    if (index < (found.get(digest)?.index ?? items.length)) found.set(digest, { index, sample });
    read++;
  }
  const samples = [...found.values()].sort((a, b) => a.index - b.index).map(({ sample }) => sample);
  const notes = read < items.length ? [`${samples.length} of ${items.length} samples are used`] : [];
  return { samples, notes: [...duplicates(read - samples.length), ...notes] };
}

/** Samples in their order, each once. */
export function distinct(samples: readonly Sample[]): Gathered {
  const found = new Map<string, Sample>();
  for (const sample of samples) {
    const digest = digestOf(sample);
    if (!found.has(digest)) found.set(digest, sample);
  }
  return { samples: [...found.values()], notes: duplicates(samples.length - found.size) };
}

function duplicates(count: number): string[] {
  return count > 0 ? [`${count} exact duplicate${count === 1 ? ' is' : 's are'} left out`] : [];
}
