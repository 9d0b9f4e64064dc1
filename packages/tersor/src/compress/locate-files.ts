import type { Session } from '../core/engine.ts';
import type { DivergenceReport } from '../core/report.ts';
import type { Running } from './elsewhere.ts';
import type { Job } from './job.ts';
import { locate, type Surroundings } from './locate.ts';
import { openModel } from './open-model.ts';
import type { Part, Referee } from './referee.ts';

/** Relative errors of outputs that are none: of a smaller file, and of one file on two runtimes. */
const LEAST = { models: 1e-3, runtimes: 1e-4 } as const;

/** Where the file at `path` parts from the original, on the first runtime. @param session of the file */
export async function locateResult(
  job: Job,
  { engine, original, trials }: Referee,
  path: string,
  session: Session,
  part: Part,
): Promise<DivergenceReport | undefined> {
  const opened = await openModel(path);
  try {
    const a = { name: `the original on ${engine.name}`, engine, session: original, model: job.input.model };
    const b = { name: `the result on ${engine.name}`, engine, session, model: opened.model };
    return await locate(a, b, trials(part), LEAST.models, around(job));
  } finally {
    await opened.close();
  }
}

/** Where one file is computed differently on two runtimes. @param path of the file; absent: the original */
export async function locateRuntimes(
  job: Job,
  { engine, trials }: Referee,
  path: string | undefined,
  session: Session,
  there: Running,
  part: Part,
): Promise<DivergenceReport | undefined> {
  const opened = path === undefined ? undefined : await openModel(path);
  const model = opened?.model ?? job.input.model;
  const what = opened ? 'the result' : 'the original';
  try {
    const a = { name: `${what} on ${engine.name}`, engine, session, model };
    const b = { name: `${what} on ${there.engine.name}`, engine: there.engine, session: there.original, model };
    return await locate(a, b, trials(part), LEAST.runtimes, around(job));
  } finally {
    await opened?.close();
  }
}

function around({ input, target, kernels, asked }: Job): Surroundings {
  return { format: input.format, target, kernels, ...(asked.signal && { signal: asked.signal }) };
}
