import type { Step } from '../core/recipe.ts';
import type { CalibrationReport } from '../core/report.ts';
import { dealInto, spreadOf } from '../evaluate/subsets.ts';
import type { Scratch } from '../io/node-scratch.ts';
import { openWritten } from './attempt.ts';
import type { Job } from './job.ts';
import type { Referee } from './referee.ts';
import type { Runner } from './runner.ts';

/**
 * Follows steps on each of `count` parts of the data that they see, and on all of it; from then on they see what the best result was made by.
 * @returns undefined where there are fewer sources than parts
 * @throws FILE_WRITE, MODEL_INVALID, RUN_FAILED, INTERRUPTED
 */
export async function calibrate(
  job: Job,
  referee: Referee,
  scratch: Scratch,
  steps: readonly Step[],
  count: number,
): Promise<CalibrationReport | undefined> {
  const { samples } = referee.parts.observe;
  const parts = dealInto(samples, count, job.seed);
  if (!parts) {
    job.note('subsets', `methods see ${samples.length} samples, of too few sources for ${count} parts`);
    return undefined;
  }
  const all = referee.runner('observe');
  const runners = parts.map((part) =>
    referee.runner(
      'observe',
      part.map((index) => samples[index]!),
    ),
  );
  const whole = await dropOf(job, referee, scratch, steps, all);
  const drops: number[] = [];
  for (const runner of runners) drops.push(await dropOf(job, referee, scratch, steps, runner));
  const part = drops.reduce((best, drop, at) => (drop < (drops[best] ?? drop) ? at : best), 0);
  const isBetter = (drops[part] ?? whole) < whole;
  job.runner = isBetter ? (runners[part] ?? all) : all;
  const chosen = { part, samples: (parts[part] ?? []).map((index) => samples[index]?.id ?? '') };
  return { drops, ...spreadOf(drops), all: whole, ...(isBetter && { chosen }) };
}

/** What the result of the steps loses on the samples that results are chosen by, where the steps see what `runner` runs. */
async function dropOf(job: Job, referee: Referee, scratch: Scratch, steps: readonly Step[], runner: Runner): Promise<number> {
  job.runner = runner;
  const session = await openWritten(job, referee, scratch, steps);
  try {
    return (await referee.compare(session, 'choose', (done, total) => job.progress('calibrate', done, total))).drop;
  } finally {
    await session.close();
  }
}
