import { TersorError } from '../core/error.ts';
import type { QualityReport } from '../core/report.ts';

/** What a user's own measure says of a model; higher is better. */
export type Scores = Readonly<Record<string, number>>;

/** @throws DATA_INVALID when the measure gives neither a number nor numbers by name */
export function toScores(result: unknown, where: string): Scores {
  const scores = typeof result === 'number' ? { score: result } : result;
  if (typeof scores === 'object' && scores !== null) {
    const entries = Object.entries(scores).filter(
      (entry): entry is [string, number] => typeof entry[1] === 'number' && Number.isFinite(entry[1]),
    );
    if (entries.length > 0 && entries.length === Object.keys(scores).length) return Object.fromEntries(entries);
  }
  throw new TersorError(
    'DATA_INVALID',
    where,
    `returned ${typeof result === 'number' ? result : (JSON.stringify(result) ?? typeof result)}`,
    'return a finite number, or an object of them; higher is better',
  );
}

/** The loss by a user's own measure: (original - new) / |original| of the key that loses most. */
export function judgeTask(original: Scores, candidate: Scores, source: string): QualityReport {
  const drops = Object.entries(original).map(([key, score]) => {
    const other = candidate[key];
    if (other === undefined) throw new TersorError('DATA_INVALID', source, `returned "${key}" for the original only`);
    return { key, drop: score === other ? 0 : score === 0 ? Math.sign(score - other) : (score - other) / Math.abs(score) };
  });
  const [first, ...others] = drops;
  if (!first) throw new TersorError('DATA_INVALID', source, 'returned no score');
  const worst = others.reduce((most, next) => (next.drop > most.drop ? next : most), first);
  const interval = [worst.drop, worst.drop] as const;
  return {
    metric: worst.key,
    value: 1 - worst.drop,
    drop: worst.drop,
    interval,
    decisions: 1,
    samples: 1,
    evidence: 'data',
    source,
    outputs: [],
  };
}
