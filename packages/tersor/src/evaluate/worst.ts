import type { Answer } from '../core/report.ts';

/** More would be skimmed, not read. */
const SHOWN = 10;

/** What changed most in one sample. */
export interface Change {
  readonly sample: number;
  /** How bad it is; what that means is the judge's. */
  readonly severity: number;
  /** Step of the sequence. */
  readonly step: number;
  readonly at: readonly number[];
  readonly before: Answer;
  readonly after: Answer;
  readonly changed?: number;
  readonly decisions: number;
  readonly error?: number;
}

/** The few worst. */
export function worstFirst(changes: readonly Change[]): Change[] {
  return [...changes].sort((a, b) => b.severity - a.severity || a.sample - b.sample).slice(0, SHOWN);
}

/** The place of element `offset` along every axis. */
export function indexOf(offset: number, shape: readonly number[]): number[] {
  let rest = offset;
  return shape
    .toReversed()
    .map((size) => {
      const at = rest % size;
      rest = Math.floor(rest / size);
      return at;
    })
    .toReversed();
}
