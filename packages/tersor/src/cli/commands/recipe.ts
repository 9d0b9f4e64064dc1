import { parseRecipe } from '../../core/parse-recipe.ts';
import type { Recipe } from '../../core/recipe.ts';
import { recipeSchema } from '../../core/recipe-schema.ts';
import type { Report } from '../../core/report.ts';
import { printable } from '../../core/text/printable.ts';
import { bytesText, percentText } from '../../core/text/units.ts';
import { checkModel } from '../check-model.ts';
import { DONE } from '../exit-status.ts';
import { presetNames, readRecipe } from '../load-recipe.ts';
import type { Shell } from '../shell.ts';

/** Checks a recipe's steps, options and rules; with a model also that every rule selects something. */
export async function recipeCheckCommand(
  name: string,
  model: string | undefined,
  { json = false }: { readonly json?: boolean },
  shell: Shell,
): Promise<number> {
  const recipe = parseRecipe(await readRecipe(name, shell.library), shell.methods, name);
  const report = model === undefined ? undefined : await planFor(model, recipe, shell);
  if (json) {
    shell.out.write(`${JSON.stringify({ recipe, ...(report && { plan: report }) }, null, 2)}\n`);
    return DONE;
  }
  const { green } = shell.out.colors;
  const steps = recipe.steps.map(({ use }) => use).join(' → ');
  shell.out.write(`${green('✓')} ${printable(name)}: ${steps}\n`);
  if (report) shell.out.write(`${green('✓')} ${printable(report.input.path)}: ${effectText(report)}\n`);
  return DONE;
}

export async function recipeSchemaCommand({ out, methods }: Shell): Promise<number> {
  out.write(`${JSON.stringify(recipeSchema(methods), null, 2)}\n`);
  return DONE;
}

/** Lists the presets with their steps. */
export async function recipePresetsCommand({ out, methods, library }: Shell): Promise<number> {
  for (const name of await presetNames()) {
    const { steps } = parseRecipe(await readRecipe(name, library), methods, name);
    out.write(`${out.colors.bold(name.padEnd(12))} ${steps.map(({ use }) => use).join(' → ')}\n`);
  }
  return DONE;
}

function effectText({ weights, input, resultBytes = input.bytes }: Report): string {
  const changed = weights.filter(({ before, after }) => before !== after).length;
  return `changes ${changed} of ${weights.length} weights, ${bytesText(input.bytes)} → ${bytesText(resultBytes)} (${percentText(resultBytes / input.bytes)})`;
}

async function planFor(model: string, recipe: Recipe, { library }: Shell): Promise<Report> {
  await checkModel(model);
  return library.plan(model, { recipe });
}
