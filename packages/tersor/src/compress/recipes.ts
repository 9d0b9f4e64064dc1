import type { Budget } from '../core/asked.ts';
import type { Candidate } from '../core/candidate.ts';
import { findLayers } from '../core/find-layers.ts';
import { mapWeights } from '../core/model.ts';
import type { Step } from '../core/recipe.ts';
import { type Offer, optionsOf, stepsOf } from '../search/candidates.ts';
import { menuFor } from '../search/menu.ts';
import { propose } from '../search/propose.ts';
import { openAssessor } from './assessor.ts';
import type { Job } from './job.ts';
import { recipeOf, withRecipe } from './recipe-in-file.ts';
import type { Referee } from './referee.ts';

/** Lossless, and fewer weights to look at. */
const CLEAN: Step = { use: 'clean', large: true };

/** What the layers of the cleaned model may become. */
async function layOut(job: Job, evidence: 'data' | 'synthetic', budget: Budget) {
  const { input, target } = job;
  const cleaned = await job.apply(input.model, [CLEAN]);
  const offers: Offer[] = [];
  for (const step of menuFor({ evidence, size: budget.size })) {
    const changed = await job.apply(cleaned, [step], true);
    const model = mapWeights(changed, (weight) =>
      input.format.refuses(changed, weight, target) ? cleaned.weights.get(weight.id) : undefined,
    );
    offers.push({ step, model, size: await input.format.size(model, target) });
  }
  const options = optionsOf(await findLayers(cleaned), await input.format.size(cleaned, target), offers);
  return { cleaned, options };
}

function toSteps(chosen: readonly Candidate[]): Step[] {
  return [CLEAN, ...stepsOf(chosen)];
}

/** The recipe that the search measures first: every layer at its cheapest. Needs no runtime. */
export async function cheapestRecipe(job: Job, evidence: 'data' | 'synthetic', budget: Budget): Promise<Step[]> {
  const { options } = await layOut(job, evidence, budget);
  return toSteps(options.map((row) => row.reduce((best, option) => (option.bytes < best.bytes ? option : best))));
}

/** Recipes for the main job, the smallest first, each more careful than the one before; see `propose`. */
export async function* searchRecipes(job: Job, referee: Referee, budget: Budget): AsyncGenerator<Step[]> {
  const { cleaned, options } = await layOut(job, referee.evidence, budget);
  const open = options.flatMap(([own, ...others]) => (own && others.length > 0 ? [own.layer.weight.id] : []));
  const assessor = await openAssessor(job, referee, cleaned, new Set(open));
  try {
    yield* map(
      propose({
        options,
        maxDrop: budget.drop ?? Number.POSITIVE_INFINITY,
        ...(budget.size !== undefined && { maxBytes: budget.size }),
        size: (chosen) => bytesAfter(job, toSteps(chosen)),
        drop: (weights) => assessor.drop(weights),
        error: (weights) => assessor.error(weights),
        onMeasured: async (chosen, drop) => void job.measured.push({ bytes: await bytesAfter(job, toSteps(chosen)), drop }),
        onProgress: (done, total, about) => job.progress('choose', done, total, about),
      }),
      toSteps,
    );
  } finally {
    await assessor.close();
  }
}

/** Exactly: the recipe that goes into the file is counted, too. */
async function bytesAfter(job: Job, steps: readonly Step[]): Promise<number> {
  const model = withRecipe(await job.apply(job.input.model, steps, true), recipeOf(job, steps));
  return (await job.input.format.size(model, job.target)).bytes;
}

async function* map<T, U>(values: AsyncIterable<T>, change: (value: T) => U): AsyncGenerator<U> {
  for await (const value of values) yield change(value);
}
