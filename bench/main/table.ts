import type { Scores } from '../tasks/task.ts';
import type { Standing } from './random-recipes.ts';

/** A file, whoever made it, and what was found out about it. */
export interface Row {
  readonly model: string;
  /** Who made it, and how. */
  readonly by: string;
  readonly isPeer: boolean;
  /** Before and after. */
  readonly bytes: readonly [number, number];
  readonly brotli?: readonly [number, number];
  /** What tersor itself says of the quality. */
  readonly quality?: { readonly metric: string; readonly value: number };
  readonly scores?: readonly [Scores, Scores];
  /** Part of the task's measure that is lost. */
  readonly loss?: number;
  /** Of the original's; the worst shape counts. */
  readonly latency?: number;
  readonly ratios?: Readonly<Record<string, number>>;
  readonly seconds: number;
  /** Peak of the process or of its engine, bytes. */
  readonly memory: number;
  /** Runs of the model that the search took, where it says. */
  readonly forwards?: number;
  /** Among random recipes of its size. */
  readonly standing?: Standing;
  /** What was to be shown, and whether it was. */
  readonly measures: readonly { readonly says: string; readonly met: boolean }[];
  /** Why there is nothing to look at, or what is wrong with it. */
  readonly problem?: string;
  readonly note?: string;
}

const WIDTH = 9;

export function header(): string {
  return `  ${'model'.padEnd(19)}${'by'.padEnd(30)}${cells(['MB', '%', 'brotli', 'latency', 's', 'peak MB'])}  task, before → after`;
}

export function line({
  model,
  by,
  bytes,
  brotli,
  quality,
  scores,
  latency,
  seconds,
  memory,
  forwards,
  standing,
  measures,
  problem,
  note,
}: Row): string {
  const mark = measures.some(({ met }) => !met) ? '!' : ' ';
  const start = `${mark} ${model.padEnd(19)}${by.padEnd(30)}`;
  if (problem && latency === undefined && !scores) return `${start}  ${problem}${note ? ` (${note})` : ''}`;
  const figures = cells([
    (bytes[1] / 1e6).toFixed(3),
    ((bytes[1] / bytes[0]) * 100).toFixed(1),
    brotli ? ((brotli[1] / brotli[0]) * 100).toFixed(1) : '',
    latency === undefined ? '' : `${latency.toFixed(2)}x`,
    seconds.toFixed(1),
    (memory / 1e6).toFixed(0),
  ]);
  const told = scores ? scored(scores) : quality ? [`${quality.metric} ${round(quality.value)}`] : [];
  const search = forwards === undefined ? [] : [`${forwards} forwards`];
  const said = [...told, ...search, ...(problem ? [problem] : []), ...(note ? [note] : [])];
  const below = [...measures.map(({ says, met }) => `${met ? '✓' : '✗'} ${says}`), ...(standing ? [stands(standing)] : [])];
  return [`${start}${figures}  ${said.join(', ')}`, ...below.map((text) => ' '.repeat(21) + text)].join('\n');
}

function stands({ recipes, better, ours, best, median }: Standing): string {
  const distance = `${(ours / best).toFixed(2)}x the loss of the best, ${(ours / median).toFixed(2)}x the median's`;
  return `${better} of ${recipes} random recipes of equal size are better: ${distance}`;
}

function scored([before, after]: readonly [Scores, Scores]): string[] {
  return Object.entries(after).map(([key, value]) => `${key} ${round(before[key])} → ${round(value)}`);
}

function cells(texts: readonly string[]): string {
  return texts.map((text) => text.padStart(WIDTH)).join('');
}

function round(value: number | null | undefined): string {
  return typeof value === 'number' ? value.toPrecision(4) : '∞';
}
