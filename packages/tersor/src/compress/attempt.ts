import type { Budget } from '../core/asked.ts';
import type { Session } from '../core/engine.ts';
import { TersorError } from '../core/error.ts';
import type { Size } from '../core/format.ts';
import type { CodingProfile } from '../core/kernels.ts';
import type { Model } from '../core/model.ts';
import type { Progress } from '../core/progress.ts';
import type { Recipe, Step } from '../core/recipe.ts';
import type { PromiseReport } from '../core/report.ts';
import { bytesText } from '../core/text/units.ts';
import type { Scratch } from '../io/node-scratch.ts';
import { openNodeStore } from '../io/node-store.ts';
import { METHODS, type MethodId } from '../methods/registry.gen.ts';
import type { CodedFile } from './coding-job.ts';
import type { Job } from './job.ts';
import { openBase } from './open-base.ts';
import type { Place } from './packed-file.ts';
import { judgePromises } from './promises.ts';
import { type Proof, prove } from './prove.ts';
import { recipeOf, withRecipe } from './recipe-in-file.ts';
import type { Referee } from './referee.ts';
import { type WeightErrors, watchErrors } from './weight-errors.ts';

/** A result, written where nobody sees it, and what was found out about it. */
export interface Attempt extends Proof {
  readonly folder: string;
  readonly recipe: Recipe;
  readonly model: Model;
  readonly size: Size;
  /** What the result takes: the files, or the container that they are packed into. */
  readonly bytes: number;
  /** See `Facts.coded`; measured when something is promised of it, and where the result is packed. */
  readonly coded?: number;
  /** Absent when nothing was to be measured. */
  readonly errors?: WeightErrors['found'];
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
  const size = await job.clock.time('write', () => write(job, model, folder, scratch));
  const proof = referee ? await job.clock.time('verify', () => prove(job, referee, `${folder}/${scratch.name}`, budget)) : { runtimes: [] };
  const coded = budget.coded === undefined && !job.packs ? undefined : await codedSize(job, folder, scratch.name);
  const facts = { ...proof, ...(coded !== undefined && { coded }) };
  const bytes = (job.packs ? coded : undefined) ?? size.bytes;
  const promises = judgePromises(budget, { before: job.input.bytes, after: bytes, isCheckpoint: !model.graph, ...facts });
  return { folder, recipe, model, size, bytes, ...(errors && { errors: errors.found }), budget, promises, ...facts };
}

/** What the file packs into. */
async function codedSize(job: Job, folder: string, name: string): Promise<number> {
  return (await packed(job, folder, name)).bytes;
}

/** Packs a result. @returns the folder where it lies, alone @throws FILE_WRITE, INTERRUPTED */
export async function packAttempt(job: Job, scratch: Scratch, { folder }: Attempt, as: string): Promise<string> {
  await scratch.hold(folder);
  const final = await scratch.attempt();
  await packed(job, folder, scratch.name, { folder: final, name: as });
  return final;
}

/** Where a container is what was asked for, it is to be as small as can be. */
export function profileOf({ packs }: Pick<Job, 'packs'>): CodingProfile {
  return packs ? 'max' : 'default';
}

async function packed(job: Job, folder: string, name: string, to?: Place): Promise<CodedFile> {
  const { kernels, asked } = job;
  const path = baseIn(asked.recipe?.steps ?? []);
  const base = path === undefined ? undefined : await openBase(path);
  const { writePacked } = await import('./packed-file.ts');
  const store = openNodeStore(folder);
  try {
    const files = await store.list();
    if (files.length > 1) {
      const what = `is a model in ${files.length} files, and a container holds one`;
      throw new TersorError('USAGE', name, what, 'write the model, and pack each file with: tersor pack');
    }
    const onProgress = ({ phase, done, total }: Progress) => job.progress(phase, done, total);
    const coding = {
      kernels,
      profile: profileOf(job),
      atOnce: 2,
      onProgress,
      ...(base && { base }),
      ...(asked.signal && { signal: asked.signal }),
    } as const;
    const chunks = to && { folder, name: `${name}.chunks` };
    return await writePacked(`${folder}/${name}`, await store.open(name), coding, chunks, async () => to);
  } finally {
    await base?.close();
    await store.close();
  }
}

/** What steps change the differences to: the result is packed as one to it. */
function baseIn(steps: readonly Step[]): string | undefined {
  for (const { use, base } of steps) {
    if (METHODS[use as MethodId]?.family === 'delta' && typeof base === 'string' && base !== '') return base;
  }
  return undefined;
}

/** Writes what `steps` make, where nobody sees it. @returns its path @throws FILE_WRITE, INTERRUPTED */
export async function writeAside(job: Job, scratch: Scratch, steps: readonly Step[]): Promise<string> {
  return `${await folderAside(job, scratch, steps)}/${scratch.name}`;
}

async function folderAside(job: Job, scratch: Scratch, steps: readonly Step[]): Promise<string> {
  const recipe = recipeOf(job, steps);
  const folder = await scratch.attempt();
  await write(job, withRecipe(await job.apply(job.input.model, recipe.steps, true), recipe), folder, scratch);
  return folder;
}

/** What the same packs into. @throws FILE_WRITE, INTERRUPTED */
export async function codedAside(job: Job, scratch: Scratch, steps: readonly Step[]): Promise<number> {
  return codedSize(job, await folderAside(job, scratch, steps), scratch.name);
}

/** The same, loaded in the runtime it is for. @throws FILE_WRITE, MODEL_INVALID, INTERRUPTED */
export async function openWritten(job: Job, referee: Referee, scratch: Scratch, steps: readonly Step[]): Promise<Session> {
  return referee.engine.open({ path: await writeAside(job, scratch, steps) });
}

/** Writes a model and its data into a folder. @throws FILE_WRITE, INTERRUPTED */
async function write(job: Job, model: Model, folder: string, scratch: Scratch): Promise<Size> {
  const { asked, target, kernels, input } = job;
  const { name } = scratch;
  const journal = scratch.journal();
  const store = openNodeStore(folder, { ...(journal && { journal }) });
  try {
    const size = await input.format.write(model, store, name, {
      target,
      kernels,
      onProgress: (done, total, about) => job.progress('write', done, total, about),
      ...(asked.signal && { signal: asked.signal }),
    });
    await store.commit();
    const kept = journal?.kept() ?? 0;
    if (kept > 0)
      job.note('resume', `${bytesText(kept)} of ${bytesText(size.bytes)} were there already; what they lost was not measured again`);
    return size;
  } catch (error) {
    await store.discard();
    throw error;
  } finally {
    await store.close();
  }
}
