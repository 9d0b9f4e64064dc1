import type { Budget } from '../core/asked.ts';
import { TersorError } from '../core/error.ts';
import type { Size } from '../core/format.ts';
import type { Model } from '../core/model.ts';
import type { Recipe, Step } from '../core/recipe.ts';
import type { PromiseReport, QualityReport, RuntimeReport, SpeedReport } from '../core/report.ts';
import type { Scratch } from '../io/node-scratch.ts';
import { openNodeStore } from '../io/node-store.ts';
import type { Job } from './job.ts';
import { judgePromises } from './promises.ts';
import { recipeOf, withRecipe } from './recipe-in-file.ts';
import type { Referee } from './referee.ts';
import { type WeightErrors, watchErrors } from './weight-errors.ts';

/** A result, written where nobody sees it, and what was found out about it. */
export interface Attempt {
  readonly folder: string;
  readonly recipe: Recipe;
  readonly model: Model;
  readonly size: Size;
  /** Absent when nothing was to be measured. */
  readonly errors?: WeightErrors['found'];
  readonly quality?: QualityReport;
  readonly speed?: SpeedReport;
  readonly memory?: number;
  readonly runtimes: readonly RuntimeReport[];
  /** What the promises are made from. */
  readonly budget: Budget;
  readonly promises: readonly PromiseReport[];
}

/** Writes what `steps` make of the input and proves it, as far as there is a referee. @throws FILE_WRITE, INTERRUPTED */
export async function attempt(
  job: Job,
  scratch: Scratch,
  steps: readonly Step[],
  budget: Budget,
  referee: Referee | undefined,
): Promise<Attempt> {
  const recipe = recipeOf(job, steps);
  const errors = job.asked.verify === false ? undefined : watchErrors();
  const model = withRecipe(await job.apply(job.input.model, recipe.steps, false, errors), recipe);
  const folder = await scratch.attempt();
  const size = await job.clock.time('write', () => write(job, model, folder, scratch.name));
  const proof = referee ? await job.clock.time('verify', () => prove(job, referee, `${folder}/${scratch.name}`, budget)) : NOTHING_PROVEN;
  const promises = judgePromises(budget, { before: job.input.bytes, after: size.bytes, ...proof });
  return { folder, recipe, model, size, ...(errors && { errors: errors.found }), budget, promises, ...proof };
}

async function write(job: Job, model: Model, folder: string, name: string): Promise<Size> {
  const { asked, target, kernels, input } = job;
  const store = openNodeStore(folder);
  try {
    const size = await input.format.write(model, store, name, {
      target,
      kernels,
      onProgress: (done, total) => job.progress('write', done, total),
      ...(asked.signal && { signal: asked.signal }),
    });
    await store.commit();
    return size;
  } catch (error) {
    await store.discard();
    throw error;
  } finally {
    await store.close();
  }
}

interface Proof {
  readonly loads?: boolean;
  /** See `Facts.standIn`. */
  readonly standIn?: boolean;
  readonly quality?: QualityReport;
  readonly speed?: SpeedReport;
  readonly memory?: number;
  /** See `Referee.footprint`; measured when something is promised of it. */
  readonly footprint?: number;
  readonly runtimes: readonly RuntimeReport[];
}

const NOTHING_PROVEN: Proof = { runtimes: [] };

/** Loads the written file in the runtime, compares it on inputs that were not used for choosing, and times it. */
export async function prove(job: Job, referee: Referee, path: string, { memory: limit }: Budget): Promise<Proof> {
  const { name, notice } = referee.engine;
  const standIn = notice !== undefined;
  try {
    const session = await referee.engine.open({ path });
    const quality = await referee.judge(session, 'prove', (done, total) => job.progress('verify', done, total));
    job.progress('time');
    const speed = await referee.race(session);
    await session.close();
    const memory = await referee.engine.peakMemory();
    const footprint = limit === undefined ? undefined : await referee.footprint(path);
    const runtimes: RuntimeReport[] = [{ name, status: 'verified' }];
    if (standIn) runtimes.push({ name: job.target, status: 'unverified', message: notice });
    return {
      loads: true,
      standIn,
      quality,
      speed,
      ...(memory !== undefined && { memory }),
      ...(footprint !== undefined && { footprint }),
      runtimes,
    };
  } catch (error) {
    if (!(error instanceof TersorError) || !['MODEL_INVALID', 'RUN_FAILED'].includes(error.code)) throw error;
    return { loads: false, runtimes: [{ name, status: 'failed', message: error.what }] };
  }
}
