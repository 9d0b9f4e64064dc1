import type { Model } from '../core/model.ts';
import { parseRecipe } from '../core/parse-recipe.ts';
import type { Recipe, Step } from '../core/recipe.ts';
import { METHODS } from '../methods/registry.gen.ts';
import type { Job } from './job.ts';

/** Where a file says how it was made. */
export const RECIPE_KEY = 'tersor.recipe';

/**
 * What is to be done, with all that decides its bytes: defaults are filled in, so that a later version with others makes the same.
 * @throws RECIPE_INVALID, METHOD_UNKNOWN, OPTION_UNKNOWN, OPTION_VALUE
 */
export function recipeOf({ seed, target }: Pick<Job, 'seed' | 'target'>, steps: readonly Step[]): Recipe {
  return parseRecipe({ version: 1, seed, target, steps }, METHODS);
}

/** The model with its recipe in the metadata, so that whoever finds the file can make it again. */
export function withRecipe(model: Model, recipe: Recipe): Model {
  const properties = new Map(model.meta.properties).set(RECIPE_KEY, JSON.stringify(recipe));
  return { ...model, meta: { ...model.meta, properties } };
}

/** The recipe that a file carries; undefined where there is none, or none that this version can follow. */
export function recipeInside(model: Model): Recipe | undefined {
  const text = model.meta.properties.get(RECIPE_KEY);
  if (text === undefined) return undefined;
  try {
    return parseRecipe(JSON.parse(text), METHODS);
  } catch {
    return undefined;
  }
}
