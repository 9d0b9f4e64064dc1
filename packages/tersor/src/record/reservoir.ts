import { randomFor } from '../core/random.ts';

/**
 * Which of `size` places the `index`-th (from 0) of an endless stream takes, or none: at any time, each one so far is kept with the same probability.
 * Source: Algorithm R, Vitter 1985.
 */
export function placeOf(index: number, size: number, seed: number): number | undefined {
  if (index < size) return index;
  const place = Math.floor(randomFor(seed, `record ${index}`)() * (index + 1));
  return place < size ? place : undefined;
}
