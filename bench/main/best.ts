import { SLOWEST } from './measures.ts';
import type { Row } from './table.ts';

/** What part of a task's measure the smallest file may lose. */
const MOST_LOST = 0.01;

/** Of one model, the smallest file of each side that keeps the task's measure and the speed; absent where none does. */
interface Best {
  readonly model: string;
  readonly ours?: Choice;
  readonly peers?: Choice;
}

interface Choice {
  readonly by: string;
  readonly bytes: number;
  readonly latency: number;
  readonly loss: number;
}

export function bestOf(rows: readonly Row[]): Best[] {
  const models = [...new Set(rows.map(({ model }) => model))];
  return models.flatMap((model) => {
    const all = rows.filter((row) => row.model === model);
    if (!all.some(({ scores }) => scores)) return [];
    const [ours, peers] = [smallest(all.filter(({ isPeer }) => !isPeer)), smallest(all.filter(({ isPeer }) => isPeer))];
    return [{ model, ...(ours && { ours }), ...(peers && { peers }) }];
  });
}

function smallest(rows: readonly Row[]): Choice | undefined {
  const good = rows.flatMap(({ by, bytes, latency = Number.NaN, loss = Number.NaN }) =>
    bytes[1] < bytes[0] && latency <= SLOWEST && loss <= MOST_LOST ? [{ by, bytes: bytes[1], latency, loss }] : [],
  );
  return good.sort((a, b) => a.bytes - b.bytes)[0];
}

export function bestLine({ model, ours, peers }: Best): string {
  const ratio = ours && peers ? `  ${(ours.bytes / peers.bytes).toFixed(2)}x` : '';
  return `  ${model.padEnd(19)}${told(ours).padEnd(48)}${told(peers)}${ratio}`;
}

function told(choice: Choice | undefined): string {
  return choice ? `${(choice.bytes / 1e6).toFixed(3)} MB ${choice.by} (${choice.latency.toFixed(2)}x)` : 'none';
}
