import { RECIPE_KEY } from '../compress/recipe-in-file.ts';
import { TersorError } from '../core/error.ts';
import { checkModel } from './check-model.ts';
import type { Shell } from './shell.ts';

export function isModel(path: string): boolean {
  return /\.(onnx|tsr)$/i.test(path);
}

/** The recipe's text inside a model that tersor made. @throws FILE_MISSING, RECIPE_INVALID when it has none */
export async function recipeOfModel(path: string, library: Shell['library']): Promise<string> {
  await checkModel(path);
  const { metadata } = await library.inspect(path);
  const text = metadata[RECIPE_KEY];
  if (text === undefined) throw new TersorError('RECIPE_INVALID', path, 'has no recipe inside', 'only models that tersor made have one');
  return text;
}
