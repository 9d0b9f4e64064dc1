import { TersorError } from '../core/error.ts';
import { nearest } from '../core/nearest.ts';
import { methodNamed, parseRecipe } from '../core/parse-recipe.ts';
import type { Recipe } from '../core/recipe.ts';
import type { Shell } from './shell.ts';

interface Rounding {
  readonly type?: string;
  readonly tensor?: readonly string[];
  readonly imatrix?: string;
}

/** What --type, --tensor and --imatrix mean for GGUF, as a recipe. @throws OPTION_VALUE */
export function roundingRecipe(given: Rounding, { methods }: Pick<Shell, 'methods'>): Recipe {
  const types = methodNamed('gguf', methods).options.type;
  const { type } = given;
  if (type !== undefined && types?.parse(type) === undefined) {
    const close = nearest(type.toUpperCase(), types?.expects.split(' | ') ?? []);
    throw new TersorError('OPTION_VALUE', '--type', `"${type}"`, close ? `did you mean "${close}"?` : `it takes ${types?.expects}`);
  }
  return parseRecipe({ version: 1, steps: [{ use: 'gguf', ...given }] }, methods, '--type');
}

/** Types that are worth trying for GGUF where a size is asked for. */
export function roundingTypes({ methods }: Pick<Shell, 'methods'>): readonly string[] {
  return (methodNamed('gguf', methods).options.type?.search ?? []).map(String);
}
