import { stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { TersorError } from '../core/error.ts';
import type { Recipe } from '../core/recipe.ts';
import { minName } from '../io/node-paths.ts';
import { mustBeReplaceable } from '../io/node-replaceable.ts';
import { mustNotBeInput } from '../io/node-same-file.ts';
import { openNodeStore } from '../io/node-store.ts';

const FLAG = '--save-recipe';

/** What a recipe is saved beside. */
export interface Saving {
  readonly model: string;
  readonly out?: string;
  readonly force?: boolean;
}

/** Fails before the work, not after it. @throws USAGE for the model or its output, FILE_EXISTS unless forced, FILE_WRITE */
export async function checkFree(path: string, { model, out = minName(model), force = false }: Saving): Promise<void> {
  if (resolve(path) === resolve(out)) throw new TersorError('USAGE', path, 'is where the model goes', `choose another name with ${FLAG}`);
  await mustNotBeInput([model], path);
  await mustBeReplaceable(path, force, FLAG);
  const folder = await stat(dirname(path)).catch(() => undefined);
  if (!folder?.isDirectory()) throw new TersorError('FILE_WRITE', path, 'its folder does not exist', 'make the folder first');
}

/** Writes a recipe as people would: indented JSON, whole or not at all. @throws FILE_EXISTS unless forced, FILE_WRITE */
export async function saveRecipe(path: string, recipe: Recipe, force: boolean): Promise<void> {
  const store = openNodeStore(dirname(path));
  try {
    const sink = await store.create(basename(path));
    await sink.write(new TextEncoder().encode(`${JSON.stringify(recipe, null, 2)}\n`));
    await sink.close();
    await mustBeReplaceable(path, force, FLAG);
    await store.commit();
  } catch (error) {
    await store.discard();
    throw error;
  }
}
