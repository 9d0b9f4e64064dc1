import { type Attempt, packAttempt } from './compress/attempt.ts';
import { type Job, openJob } from './compress/job.ts';
import { makeReport } from './compress/make-report.ts';
import { formatNamed } from './compress/open-model.ts';
import { DEFAULT_BUDGET, excessOf, isKept, openQuestion } from './compress/promises.ts';
import { recipeOf, withRecipe } from './compress/recipe-in-file.ts';
import type { Referee } from './compress/referee.ts';
import type { FileFacts } from './compress/weigh.ts';
import { recipeWithinSize } from './compress/within-size.ts';
import type { Asked, Budget } from './core/asked.ts';
import { TersorError } from './core/error.ts';
import type { Recipe, Step } from './core/recipe.ts';
import type { Report } from './core/report.ts';
import { bytesText } from './core/text/units.ts';
import { minName, nameOf, packedInside } from './io/node-paths.ts';
import { openScratch, type Scratch } from './io/node-scratch.ts';
import { isInTheWay, type StageOptions } from './io/node-stage.ts';
import { observes } from './methods/observes.ts';

/** A file that is not smaller than this is not worth another name. */
const LEAST_GAIN = 0.01;

/** Times that less is asked for until a result fits. */
const MOST_FITTINGS = 3;

/**
 * The main job: makes a model smaller, writes it, and proves on the runtime it is for that it still gives the same answers.
 *
 * Without a recipe, what each layer becomes is found by measuring: the smallest file that keeps the budget, by default at most 1 % less
 * quality at no more than 1.1x the latency; of a GGUF, which nothing here runs, the largest mix within the size asked for. With one, its steps are followed and what they cost is measured. The result appears at `output`
 * whole, or not at all; when a promise is missed it is not left behind unless `keep` is set, and the outcome says so.
 *
 * @param input  path of a model
 * @throws {TersorError} FILE_* when the input cannot be read or the output not be written, DATA_INVALID, MODEL_INVALID when the runtime
 *   refuses the original, RULE_UNMATCHED and OPTION_* for a wrong recipe, USAGE for a `resume` that cannot be, INTERRUPTED after `signal` was aborted
 */
export async function compress(input: string, asked: Asked = {}): Promise<Report> {
  return withJob(input, asked, async (job) => {
    const output = outputOf(job);
    const recipe = asked.recipe ?? (await recipeWithinSize(job));
    const stage = await stageFor(job, recipe);
    const place = await openScratch(output, {
      inputs: job.input.files,
      ...(asked.force !== undefined && { force: asked.force }),
      ...(stage && { stage }),
    });
    const scratch = job.packs ? { ...place, name: packedInside(output, input) } : place;
    try {
      return recipe ? await follow(job, scratch, recipe) : await search(job, scratch);
    } catch (error) {
      if (asked.resume && (asked.signal?.aborted || isInTheWay(error))) scratch.leave();
      throw error;
    } finally {
      await scratch.remove();
    }
  });
}

/**
 * What `compress` would do, without values: exact sizes where no measuring decides, otherwise those of the smallest result that the search
 * would try. No weight is loaded, nothing is run, nothing is written.
 */
export async function plan(input: string, asked: Asked = {}): Promise<Report> {
  return withJob(input, asked, async (job) => {
    const { model, format } = job.input;
    const steps =
      (asked.recipe ?? (await recipeWithinSize(job)))?.steps ??
      (await (await import('./compress/recipes.ts')).cheapestRecipe(job, asked.data === undefined ? 'synthetic' : 'data', budgetOf(asked)));
    const recipe = recipeOf(job, steps);
    const planned = withRecipe(await job.apply(model, recipe.steps), recipe);
    const size = await format.size(planned, job.target, nameOf(outputOf(job)));
    const limit = asked.budget?.size;
    if (limit !== undefined && size.bytes > limit && !job.packs)
      job.note('size', `the result has at least ${bytesText(size.bytes)}, more than the ${bytesText(limit)} asked`);
    return makeReport(job, { outcome: 'planned', recipe, model: planned, size, runtimes: [], promises: [] });
  });
}

async function withJob(input: string, asked: Asked, work: (job: Job) => Promise<Report>): Promise<Report> {
  const job = await openJob(input, asked);
  try {
    return await work(job);
  } catch (error) {
    if (asked.signal?.aborted)
      throw new TersorError('INTERRUPTED', input, 'stopped on request', asked.resume ? 'resume goes on' : 'nothing was left behind', {
        cause: error,
      });
    throw error;
  } finally {
    await job.close();
  }
}

/**
 * What a recipe makes of a checkpoint may take an hour, and is written once: a later run can go on with it. Of a model with a graph only where that was asked for.
 * @throws USAGE
 */
async function stageFor(job: Job, recipe: Recipe | undefined): Promise<StageOptions | undefined> {
  const { asked, input } = job;
  const { resume = false } = asked;
  if (job.packs) {
    if (!resume) return undefined;
    throw new TersorError('USAGE', '--resume', 'is not for results that are packed', 'write the model, and pack it with: tersor pack');
  }
  if (!recipe) {
    if (!resume) return undefined;
    const hint = input.model.graph
      ? 'a search keeps what it measured of itself: run it again'
      : 'name what is to be done: --type, --max-size, --recipe or a method';
    throw new TersorError('USAGE', '--resume', 'is for what a recipe makes of a model', hint);
  }
  if (input.model.graph && !resume) return undefined;
  const { authorshipOf, measuredWith } = await import('./compress/authorship.ts');
  const measured = input.model.graph && (await measuredWith(asked));
  const authorship = await authorshipOf(input, recipeOf(job, recipe.steps), measured?.asked, measured?.files);
  return { ...authorship, resume, note: (message) => job.note('resume', message) };
}

/** Recipes until one keeps the budget. */
async function search(job: Job, scratch: Scratch): Promise<Report> {
  if (job.asked.verify === false) {
    throw new TersorError(
      'USAGE',
      job.input.path,
      'what a model becomes is found by running it',
      'without --no-verify, or with --recipe int8',
    );
  }
  const [{ bytesAfter, cheapestRecipe, searchRecipes }, { expanded, isExpandable }, { attemptRepaired: attempt }] = await Promise.all([
    import('./compress/recipes.ts'),
    import('./compress/expanded.ts'),
    import('./compress/repair.ts'),
  ]);
  const budget = budgetOf(job.asked);
  const referee = await job.clock.time('load', () => openReferee(job));
  try {
    let best: Attempt | undefined;
    const prove = async (steps: readonly Step[]) => {
      const next = await attempt(job, scratch, steps, budget, referee);
      if (best && excessIn(job, next) >= excessIn(job, best)) return next;
      best = next;
      await scratch.hold(next.folder);
      return next;
    };
    /** With fewer bytes to choose in where operators that expand weights, repairs or the packed graph take too many. */
    const proveFitting = async (steps: readonly Step[], change: (steps: readonly Step[]) => readonly Step[] = (same) => same) => {
      let last = await prove(change(steps));
      for (let round = 0, less = 0; round < MOST_FITTINGS; round++) {
        const over = overBytes(budget, last);
        if (over <= 0) break;
        less += over;
        for await (const fewer of searchRecipes(job, referee, scratch, lessBytes(budget, less))) last = await prove(change(fewer));
      }
      return last;
    };
    for await (const steps of searchRecipes(job, referee, scratch, budget)) {
      let last = await proveFitting(steps);
      // weights that stay small in memory may be why
      if (isOnlySlow(last) && last.recipe.steps.some(isExpandable)) last = await proveFitting(last.recipe.steps, expanded);
      if (isKept(last.promises) || last.bytes >= job.input.bytes || isBeyondCare(last)) break;
    }
    if (!best) {
      const smallest = bytesText(await bytesAfter(job, await cheapestRecipe(job, referee.evidence, budget)));
      const what = `nothing that is tried is as small as that: the smallest has ${smallest}`;
      throw new TersorError(
        'PROMISE_MISSED',
        job.input.path,
        budget.coded === undefined && !job.packs ? what : `${what} before it is packed`,
        'ask for a larger size',
      );
    }
    return await finish(job, scratch, best, job.input.bytes * (1 - LEAST_GAIN));
  } finally {
    await referee.close();
  }
}

/** Bytes that a result has more than was asked, in the file or packed. */
function overBytes({ size, coded }: Budget, result: Attempt): number {
  const most = Number.POSITIVE_INFINITY;
  return Math.max(result.bytes - (size ?? most), (result.coded ?? 0) - (coded ?? most));
}

function lessBytes({ size, coded, ...budget }: Budget, less: number): Budget {
  return { ...budget, ...(size !== undefined && { size: size - less }), ...(coded !== undefined && { coded: coded - less }) };
}

/** See `excessOf`. Of several results that all miss something, the one that misses least is left, if any. */
function excessIn({ input }: Job, result: Attempt): number {
  return excessOf(result.budget, { ...result, before: input.bytes, after: result.bytes });
}

/** Whether all that is missed is memory: what is more careful is larger, and takes no less. */
function isBeyondCare({ promises }: Attempt): boolean {
  return promises.every(({ name, status }) => status !== 'missed' || name === 'memory');
}

/** Whether the result holds but for its speed. */
function isOnlySlow({ promises }: Attempt): boolean {
  const missed = promises.filter(({ status }) => status === 'missed');
  return missed.length === 1 && missed[0]?.name === 'latency';
}

/** The recipe names the result: it is promised to load and not to be larger; what it costs is measured and shown. */
async function follow(job: Job, scratch: Scratch, { steps }: Recipe): Promise<Report> {
  const budget = job.asked.budget ?? {};
  const { attemptRepaired: attempt } = await import('./compress/repair.ts');
  const referee = job.asked.verify === false ? undefined : await job.clock.time('load', () => refereeIfAny(job));
  try {
    const { subsets } = job.asked;
    if (referee && subsets !== undefined && steps.some(observes)) {
      const { calibrate } = await import('./compress/calibration.ts');
      const found = await job.clock.time('calibrate', () => calibrate(job, referee, scratch, steps, subsets));
      if (found) job.calibrated = found;
    }
    return await finish(job, scratch, await attempt(job, scratch, steps, budget, referee), job.input.bytes);
  } finally {
    await referee?.close();
  }
}

/** Runtime, data and evaluation are loaded when a model is run, not before: much of what tersor does needs none of them. */
async function openReferee(job: Job): Promise<Referee> {
  return (await import('./compress/referee.ts')).openReferee(job);
}

/** Without a runtime that takes the original there is nothing to compare with, and the result goes unverified. */
async function refereeIfAny(job: Job): Promise<Referee | undefined> {
  if (!job.input.model.graph) {
    job.note('checkpoint', 'has no graph to run: what its weights lost is all that is measured');
    return undefined;
  }
  try {
    return await openReferee(job);
  } catch (error) {
    if (!(error instanceof TersorError) || !['ENGINE_MISSING', 'MODEL_INVALID'].includes(error.code)) throw error;
    job.note('original', `cannot be compared with: ${error.what}`);
    return undefined;
  }
}

/** Leaves the result behind where it is worth it, and says what came of it. */
async function finish(job: Job, scratch: Scratch, result: Attempt, worthwhile: number): Promise<Report> {
  const { asked } = job;
  const outcome = outcomeOf(result, asked, worthwhile);
  const open = outcome === 'compressed' ? openQuestion(result.budget, result.quality) : undefined;
  const leave = outcome === 'compressed' || (outcome === 'missed' && asked.keep === true);
  const name = job.packs ? nameOf(outputOf(job)) : scratch.name;
  const folder = job.packs && (leave || asked.weigh) ? await packAttempt(job, scratch, result, name) : result.folder;
  const facts = asked.weigh ? await job.clock.time('weigh', () => weighFiles(job, { ...result, folder }, name)) : undefined;
  if (leave) await scratch.publish(folder);
  return makeReport(job, {
    ...result,
    outcome,
    ...(open !== undefined && { open }),
    ...(facts && { facts }),
    ...(leave && { output: outputOf(job) }),
  });
}

/** Compressing files to see what they weigh is slow; it is loaded when somebody asks. */
async function weighFiles(job: Job, result: Attempt, name: string): Promise<FileFacts> {
  job.progress('weigh');
  return (await import('./compress/weigh.ts')).weigh(job, result, name);
}

/** What was asked for by name and is not there is missed, gain or not; so is a size that only who keeps the file wants. */
function outcomeOf({ promises, bytes }: Attempt, { budget = {}, keep = false }: Asked, worthwhile: number): Report['outcome'] {
  const missed = promises.flatMap(({ name, status }) => (status === 'missed' ? [name] : []));
  if (missed.some((name) => Object.hasOwn(budget, name) || (keep && name === 'smaller'))) return 'missed';
  if (bytes > worthwhile) return 'nothing-to-gain';
  return isKept(promises) ? 'compressed' : 'missed';
}

/** @throws USAGE for the name of another format */
function outputOf({ asked, input: { path, files, format } }: Job): string {
  const { output } = asked;
  if (output === undefined) return minName(path, files.length);
  const named = formatNamed(output);
  if (!named || named.id === format.id) return output;
  const what = `is the name of a file of the format ${named.id}, and the result is ${format.id}`;
  throw new TersorError('USAGE', output, what, `name it *${format.extensions[0]}, or first: tersor convert`);
}

function budgetOf({ budget = {} }: Asked): Budget {
  const { drop, ...rest } = DEFAULT_BUDGET;
  return { ...rest, ...(budget.size === undefined && budget.coded === undefined && drop !== undefined && { drop }), ...budget };
}
