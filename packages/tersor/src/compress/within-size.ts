import { TersorError } from '../core/error.ts';
import type { Recipe, Step } from '../core/recipe.ts';
import { bytesText } from '../core/text/units.ts';
import { minName, nameOf } from '../io/node-paths.ts';
import { METHODS } from '../methods/registry.gen.ts';
import type { Job } from './job.ts';
import { recipeOf, withRecipe } from './recipe-in-file.ts';

/**
 * What a GGUF becomes that a size was asked for, and nothing else: the largest file within it, of the mixes that are worth trying, or of the steps that were named.
 * Sizes are exact, and no weight is loaded. Undefined for other models, and where a recipe says it.
 * @throws PROMISE_MISSED when none is as small
 */
export async function recipeWithinSize(job: Job): Promise<Recipe | undefined> {
  const { asked, input, target } = job;
  const size = asked.budget?.size;
  if (asked.recipe || input.model.graph || input.format.id !== 'gguf' || size === undefined) return undefined;
  const name = nameOf(asked.output ?? minName(input.path, input.files.length));
  let smallest = Number.POSITIVE_INFINITY;
  let best: { readonly recipe: Recipe; readonly bytes: number } | undefined;
  for (const steps of asked.steps ?? mixes()) {
    const recipe = recipeOf(job, steps);
    const model = withRecipe(await job.apply(input.model, steps, true), recipe);
    const { bytes } = await input.format.size(model, target, name);
    smallest = Math.min(smallest, bytes);
    if (bytes <= size && bytes > (best?.bytes ?? 0)) best = { recipe, bytes };
  }
  if (best) {
    job.note('size', `${best.recipe.steps.map(({ type }) => type).join(', ')} is the largest type within ${bytesText(size)}`);
    return best.recipe;
  }
  const what = `nothing that was tried is as small as that: the smallest has ${bytesText(smallest)}`;
  throw new TersorError('PROMISE_MISSED', input.path, what, 'ask for a larger size');
}

function mixes(): readonly (readonly Step[])[] {
  return (METHODS.gguf.options.type?.search ?? []).map((type) => [{ use: 'gguf', type }]);
}
