import type { Model } from './core/model.ts';
import type { Recipe } from './core/recipe.ts';

/** Where a file says how it was made. */
const KEY = 'tersor.recipe';

/** The model with its recipe in the metadata, so that whoever finds the file can make it again. */
export function withRecipe(model: Model, recipe: Recipe): Model {
  const properties = new Map(model.meta.properties).set(KEY, JSON.stringify(recipe));
  return { ...model, meta: { ...model.meta, properties } };
}

/** The recipe's text that a file carries; undefined when tersor did not make it. */
export function recipeTextOf(model: Model): string | undefined {
  return model.meta.properties.get(KEY);
}
