import { keyOf, type Option } from '../search/candidates.ts';
import type { Assessor } from './assessor.ts';
import type { Job } from './job.ts';

/** Losses by `keyOf` an option. */
export type Losses = ReadonlyMap<string, number>;

/** What every option loses alone, layer by layer, until it is enough: the search's own measure, and remembered together with it. */
export async function measureLosses(job: Job, { around }: Assessor, rows: readonly (readonly Option[])[]): Promise<Losses> {
  const losses = new Map<string, number>();
  const alone = await around(rows.map(([own]) => own!));
  for (const [done, row] of rows.entries()) {
    job.progress('measure', done, rows.length, row[0]!.layer.weight.id);
    for (const option of row) {
      if (job.asked.enough?.aborted) return losses;
      if (option.steps) losses.set(keyOf(option), await alone.with(option));
    }
  }
  job.progress('measure', rows.length, rows.length);
  return losses;
}
