import type { FoundModel } from './find-models.ts';

/** A model that shares a size with others. */
export interface Sharer {
  readonly name: string;
  /** The least it can be made to take, and what it takes now. */
  readonly least: number;
  readonly most: number;
}

/** What a model lost in so many bytes. */
export interface Measured {
  readonly bytes: number;
  readonly drop: number;
}

/** Loss below this is none: its logarithm says nothing. */
const LEAST_DROP = 1e-7;

/**
 * Bytes for each model, together no more than `size`, such that the model that loses most loses least. Every bit that all weights get more halves
 * their rounding error and quarters the loss, so the logarithm of a model's loss falls by 2 a bit: with one measurement that is a line for each model,
 * and the level at which they fit together is found by bisection. Models that were not measured yet share by what they can use.
 *
 * Source: reverse water-filling, Cover and Thomas, Elements of Information Theory, section 10.3.3.
 */
export function shareSize(sharers: readonly Sharer[], size: number, measured: ReadonlyMap<string, Measured>): Map<string, number> {
  const wanted = (sharer: Sharer, level: number): number => {
    const { least, most, name } = sharer;
    const known = measured.get(name);
    // 32-bit weights: a bit of all of them is a 32nd of the original
    const bytes = known
      ? known.bytes + ((Math.log2(Math.max(LEAST_DROP, known.drop)) - level) / 2) * (most / 32)
      : least + (most - least) * Math.max(0, -level / 60);
    return Math.min(most, Math.max(least, bytes));
  };
  let [low, high] = [-60, 40]; // more loss takes fewer bytes
  for (let i = 0; i < 60; i++) {
    const level = (low + high) / 2;
    const total = sharers.reduce((sum, sharer) => sum + wanted(sharer, level), 0);
    if (total > size) low = level;
    else high = level;
  }
  return new Map(sharers.map((sharer) => [sharer.name, Math.floor(wanted(sharer, high))]));
}

/** All of them together. */
export function bytesOfAll(models: readonly Pick<FoundModel, 'bytes'>[]): number {
  return models.reduce((sum, { bytes }) => sum + bytes, 0);
}
