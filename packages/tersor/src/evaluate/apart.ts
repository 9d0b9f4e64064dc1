import type { Value } from '../core/engine.ts';
import { numbersOf } from '../core/numbers.ts';

/** How far a value is from what it should be. */
export interface Apart {
  readonly reason: 'error' | 'not finite' | 'another shape';
  /** Relative RMS error, |a - b| / |a|; infinite for the other reasons. */
  readonly error: number;
}

/** Two values that are the same for our purposes, and those that no numbers can compare, are 0 apart. */
export function apart(expected: Value | undefined, found: Value | undefined): Apart {
  if (!expected || !found) return { reason: 'error', error: 0 };
  const [a, b] = [numbersOf(expected), numbersOf(found)];
  if (!a || !b) return { reason: 'error', error: 0 };
  if (expected.shape.join() !== found.shape.join()) return { reason: 'another shape', error: Number.POSITIVE_INFINITY };
  let [difference, norm] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    // where the original itself is not finite there is nothing to keep
    if (!Number.isFinite(a[i]!)) continue;
    if (!Number.isFinite(b[i]!)) return { reason: 'not finite', error: Number.POSITIVE_INFINITY };
    difference += (a[i]! - b[i]!) ** 2;
    norm += a[i]! ** 2;
  }
  if (difference === 0) return { reason: 'error', error: 0 };
  return { reason: 'error', error: norm > 0 ? Math.sqrt(difference / norm) : Number.MAX_VALUE };
}
