import type { Candidate } from '../core/candidate.ts';

/** Of a layer's other options, those that were nearest to being chosen instead. */
export interface Alternatives<C extends Candidate> {
  /** Of all that take fewer bytes, what would save most of them for the error it adds. */
  readonly smaller?: C;
  /** Of all that have a smaller error, what would win most of it back for the bytes it adds. */
  readonly better?: C;
}

/**
 * Why a layer got what it got: at the optimum of an allocation, the bytes that another option would save for each part of error it adds are fewer than those
 * that some layer saves already, up to the last whole layer; and the other way about.
 */
export function alternatives<C extends Candidate>(row: readonly C[], chosen: C): Alternatives<C> {
  const others = row.filter((option) => option !== chosen && Number.isFinite(option.error));
  const rate = (option: C) => Math.abs(option.bytes - chosen.bytes) / Math.max(Math.abs(option.error - chosen.error), Number.MIN_VALUE);
  const smaller = most(
    others.filter(({ bytes, error }) => bytes < chosen.bytes && error > chosen.error),
    rate,
  );
  const better = most(
    others.filter(({ bytes, error }) => bytes > chosen.bytes && error < chosen.error),
    (option) => 1 / rate(option),
  );
  return { ...(smaller && { smaller }), ...(better && { better }) };
}

function most<C>(options: readonly C[], value: (option: C) => number): C | undefined {
  return options.reduce<C | undefined>((best, next) => (best === undefined || value(next) > value(best) ? next : best), undefined);
}
