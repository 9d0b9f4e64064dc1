import { access, writeFile } from 'node:fs/promises';
import { TersorError } from '../core/error.ts';
import type { Recipe } from '../core/recipe.ts';

/** Fails before the work, not after it. @throws FILE_EXISTS unless forced */
export async function checkFree(path: string, force: boolean): Promise<void> {
  const exists = await access(path).then(
    () => true,
    () => false,
  );
  if (exists && !force) throw taken(path);
}

/** Writes a recipe as people would: indented JSON. @throws FILE_EXISTS unless forced, FILE_WRITE */
export async function saveRecipe(path: string, recipe: Recipe, force: boolean): Promise<void> {
  try {
    await writeFile(path, `${JSON.stringify(recipe, null, 2)}\n`, { flag: force ? 'w' : 'wx' });
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EEXIST') throw taken(path);
    throw new TersorError(
      'FILE_WRITE',
      path,
      cause instanceof Error ? cause.message : 'cannot be written',
      'choose another place for --save-recipe',
      { cause },
    );
  }
}

function taken(path: string): TersorError {
  return new TersorError('FILE_EXISTS', path, 'exists already', 'choose another name for --save-recipe, or overwrite it with --force');
}
