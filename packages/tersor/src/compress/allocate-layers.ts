import type { Allocation } from '../core/sensitivity.ts';
import { allocate, fitInto, sumOf } from '../search/allocate.ts';
import { keyOf, type Option } from '../search/candidates.ts';
import type { Assessor } from './assessor.ts';
import { explained } from './explained.ts';
import type { Job } from './job.ts';
import type { Losses } from './measure-losses.ts';
import { bytesAfter, toSteps } from './recipes.ts';
import { openSolver } from './solve.ts';

/**
 * What each layer gets within a limit as far as losses add up, and what the assembled model was measured to lose; undefined where a layer was not measured, or
 * nothing keeps the limit.
 */
export async function allocateLayers(
  job: Job,
  assessor: Assessor,
  rows: readonly (readonly Option[])[],
  losses: Losses,
  limit: Allocation['limit'],
): Promise<Allocation | undefined> {
  const known = rows.map((row) =>
    row.map((option) => ({ ...option, error: option.steps ? (losses.get(keyOf(option)) ?? Number.NaN) : 0 })),
  );
  if (known.flat().some(({ error }) => Number.isNaN(error))) return undefined;
  const chosen = await choose(job, known, limit);
  if (!chosen) return undefined;
  const measured = job.asked.enough?.aborted
    ? undefined
    : { loss: (await assessor.around(chosen)).error, drop: await assessor.drop(chosen) };
  return {
    limit,
    bytes: sumOf(chosen, 'bytes'),
    loss: sumOf(chosen, 'error'),
    ...(measured && { measured }),
    choices: chosen.map((option, at) => explained(known[at]!, option)),
  };
}

async function choose(job: Job, known: readonly (readonly Option[])[], limit: Allocation['limit']): Promise<readonly Option[] | undefined> {
  const solve = await openSolver();
  if ('loss' in limit) return allocate(known, 'bytes', { error: limit.loss }, solve);
  return fitInto(
    limit.bytes,
    (bytes) => allocate(known, 'error', { bytes }, solve),
    (chosen) => bytesAfter(job, toSteps(job, chosen)),
  );
}
