import type { Declaration } from '../../core/method.ts';
import { parseRecipe } from '../../core/parse-recipe.ts';
import type { CompressFlags } from '../compress-flags.ts';
import { defined } from '../defined.ts';
import type { Shell } from '../shell.ts';
import { runJob } from './compress.ts';

/** The main job with a recipe of one step. */
export async function methodCommand(
  method: Declaration,
  model: string,
  flags: CompressFlags & { readonly where?: readonly string[]; readonly [option: string]: unknown },
  shell: Shell,
): Promise<number> {
  const options = defined(Object.fromEntries(Object.keys(method.options).map((name) => [name, flags[name]])));
  const rules = flags.where?.map((name) => ({ name }));
  const recipe = parseRecipe(
    { version: 1, steps: [{ use: method.id, ...(rules && { where: rules }), ...options }] },
    { [method.id]: method },
    'tersor',
  );
  return runJob(flags.dryRun ? 'plan' : 'compress', model, flags, shell, recipe);
}
