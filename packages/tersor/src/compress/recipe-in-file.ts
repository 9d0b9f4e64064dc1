import type { Model } from '../core/model.ts';
import { parseRecipe } from '../core/parse-recipe.ts';
import type { Recipe } from '../core/recipe.ts';
import { METHODS } from '../methods/registry.gen.ts';

/** Where a file says how it was made. */
export const RECIPE_KEY = 'tersor.recipe';

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
