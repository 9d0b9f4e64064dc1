import { TersorError } from '../core/error.ts';
import type { QualityReport } from '../core/report.ts';
import { bootstrap } from './bootstrap.ts';

/** What a user's own measure says of a model; higher is better. A list has the score of every example: what counts is their mean. */
export type Scores = Readonly<Record<string, readonly number[]>>;

/** @throws DATA_INVALID when the measure gives neither numbers, nor lists of them, nor such ones by name */
export function toScores(result: unknown, where: string): Scores {
  const scores = typeof result === 'object' && result !== null && !Array.isArray(result) ? result : { score: result };
  const entries = Object.entries(scores).flatMap(([key, value]): [string, readonly number[]][] => {
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    return list.length > 0 && list.every(isNumber) ? [[key, list]] : [];
  });
  if (entries.length > 0 && entries.length === Object.keys(scores).length) return Object.fromEntries(entries);
  throw new TersorError(
    'DATA_INVALID',
    where,
    `returned ${(typeof result === 'number' ? String(result) : (JSON.stringify(result) ?? typeof result)).slice(0, 200)}`,
    'return a finite number, a list with the score of every example, or an object of such; higher is better',
  );
}

interface Loss {
  readonly key: string;
  readonly drop: number;
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/**
 * The loss by a user's own measure: (original - new) / |original| of the key that loses most. Where it scores every example, with the 95 % interval over
 * examples, drawn for both models alike.
 */
export function judgeTask(original: Scores, candidate: Scores, source: string, seed = 0): QualityReport {
  const losses = Object.entries(original).map(([key, before]): Loss => {
    const after = candidate[key];
    if (after === undefined) throw new TersorError('DATA_INVALID', source, `returned "${key}" for the original only`);
    if (after.length !== before.length)
      throw new TersorError(
        'DATA_INVALID',
        source,
        `scored ${before.length} examples of the original by "${key}", ${after.length} of the other`,
      );
    return { key, drop: dropOf(mean(before), mean(after)), before, after };
  });
  const [first, ...others] = losses;
  if (!first) throw new TersorError('DATA_INVALID', source, 'returned no score');
  const { key, drop, before, after } = others.reduce((most, next) => (next.drop > most.drop ? next : most), first);
  const examples = before.length;
  const meanOf = (scores: readonly number[], chosen: Uint32Array) => mean(Array.from(chosen, (index) => scores[index]!));
  return {
    metric: key,
    value: 1 - drop,
    drop,
    interval: examples > 1 ? bootstrap(examples, seed, (chosen) => dropOf(meanOf(before, chosen), meanOf(after, chosen))) : [drop, drop],
    decisions: examples,
    samples: examples,
    evidence: 'data',
    source,
    outputs: [],
    scores: losses.map((loss) => ({ name: loss.key, before: mean(loss.before), after: mean(loss.after) })),
  };
}

function dropOf(score: number, other: number): number {
  if (score === other) return 0;
  return score === 0 ? Math.sign(score - other) : (score - other) / Math.abs(score);
}

function mean(scores: readonly number[]): number {
  return scores.reduce((sum, score) => sum + score, 0) / scores.length;
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
