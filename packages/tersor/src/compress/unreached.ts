import { keyOf, type Option } from '../search/candidates.ts';
import type { Losses } from './measure-losses.ts';

/** Smaller losses are what is left of rounding where nothing has changed. */
const NOTHING = 1e-11;

type Row = readonly Option[];

/** Layers that no sample comes by, as in a branch that none takes: whatever becomes of them, nothing is lost. */
export function unreachedOf(rows: readonly Row[], losses: Losses): ReadonlySet<Row> {
  const lost = (option: Option) => losses.get(keyOf(option)) ?? Number.POSITIVE_INFINITY;
  return new Set(rows.filter((row) => row.every((option) => !option.steps || lost(option) < NOTHING)));
}

/** What layers lose that samples come by, and of the others what those lose in the middle by the same steps. */
export function withTypicalLosses(rows: readonly Row[], losses: Losses, unreached: ReadonlySet<Row>): Losses {
  const known = new Map<Option['steps'], number[]>();
  for (const row of rows) {
    for (const option of unreached.has(row) ? [] : row) {
      const loss = losses.get(keyOf(option));
      if (loss !== undefined) known.set(option.steps, [...(known.get(option.steps) ?? []), loss]);
    }
  }
  const typical = (steps: Option['steps']) => {
    const sorted = (known.get(steps) ?? []).sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)];
  };
  const all = new Map(losses);
  for (const option of [...unreached].flat()) {
    const loss = option.steps && typical(option.steps);
    if (loss !== undefined) all.set(keyOf(option), loss);
  }
  return all;
}
