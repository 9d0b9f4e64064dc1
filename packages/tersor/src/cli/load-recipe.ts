import { readdir, readFile } from 'node:fs/promises';
import { TersorError } from '../core/error.ts';
import { nearest } from '../core/nearest.ts';
import { type Declarations, methodNamed, parseRecipe } from '../core/parse-recipe.ts';
import type { Recipe, Step } from '../core/recipe.ts';
import { isModel, recipeOfModel } from './recipe-of-model.ts';
import type { Shell } from './shell.ts';

/** Presets are published with the package; from `src/cli` and from `dist/cli` the way is the same. */
const PRESETS = new URL('../../recipes/', import.meta.url);
/** A recipe of 10,000 steps with long rules stays below. */
const MAX_RECIPE_BYTES = 16_000_000;

/**
 * The recipe that `--recipe` and `--set` name together; undefined when neither is given. Without `--recipe`, each method that `--set`
 * mentions is a step.
 *
 * @param name  a file, a preset, or a model that tersor made
 * @throws FILE_MISSING, RECIPE_INVALID, METHOD_UNKNOWN, OPTION_UNKNOWN, OPTION_VALUE, USAGE
 */
export async function loadRecipe(
  name: string | undefined,
  settings: readonly string[],
  { methods, library }: Pick<Shell, 'methods' | 'library'>,
): Promise<Recipe | undefined> {
  const base = name === undefined ? undefined : parseRecipe(await readRecipe(name, library), methods, name);
  if (settings.length === 0) return base;
  const steps = settings.reduce<readonly Step[]>((before, setting) => set(before, setting, base === undefined, methods), base?.steps ?? []);
  return parseRecipe({ ...base, version: 1, steps }, methods, name ?? '--set');
}

export async function presetNames(): Promise<string[]> {
  const files = await readdir(PRESETS);
  return files
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length))
    .sort();
}

/** The JSON of a recipe's file, of a preset, or inside a model that tersor made; unchecked. @throws FILE_MISSING, RECIPE_INVALID */
export async function readRecipe(name: string, library: Shell['library']): Promise<unknown> {
  const presets = await presetNames();
  const text = presets.includes(name)
    ? await readFile(new URL(`${name}.json`, PRESETS), 'utf8')
    : isModel(name)
      ? await recipeOfModel(name, library)
      : await readText(name, presets);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TersorError(
      'RECIPE_INVALID',
      name,
      cause instanceof Error ? cause.message : 'is not JSON',
      'a recipe is JSON; its schema: tersor recipe schema',
      { cause },
    );
  }
}

async function readText(path: string, presets: readonly string[]): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    const close = nearest(path, presets);
    const hint = close ? `did you mean the preset "${close}"?` : `it takes a file or one of the presets ${presets.join(', ')}`;
    throw new TersorError('FILE_MISSING', `--recipe ${path}`, 'cannot be read', hint, { cause });
  }
  if (bytes.length > MAX_RECIPE_BYTES)
    throw new TersorError(
      'RECIPE_INVALID',
      path,
      `${bytes.length} bytes is no recipe`,
      'is it a model? Models go first: tersor <model> --recipe <file>',
    );
  return bytes.toString('utf8');
}

/** One `step.option=value`. @throws USAGE, METHOD_UNKNOWN */
function set(steps: readonly Step[], setting: string, mayAdd: boolean, methods: Declarations): readonly Step[] {
  const { step, option, value } = /^(?<step>[^.=]+)\.(?<option>[^=]+)=(?<value>.*)$/s.exec(setting)?.groups ?? {};
  if (step === undefined || option === undefined || value === undefined) {
    throw new TersorError('USAGE', `--set ${setting}`, 'is not step.option=value', 'for example: --set rtn.bits=4');
  }
  if (option === 'use' || option === 'where')
    throw new TersorError('USAGE', `--set ${setting}`, `"${option}" is not an option of the method`, 'write a recipe file for that');
  const at = findStep(steps, step, setting);
  if (at !== undefined) return steps.map((before, i) => (i === at ? { ...before, [option]: value } : before));
  const method = methodNamed(step, methods, `--set ${setting}`);
  if (!mayAdd)
    throw new TersorError(
      'USAGE',
      `--set ${setting}`,
      `the recipe has no step "${step}"`,
      `its steps: ${steps.map(({ use }) => use).join(', ')}`,
    );
  return [...steps, { use: method.id, [option]: value }];
}

function findStep(steps: readonly Step[], step: string, setting: string): number | undefined {
  if (/^\d+$/.test(step)) {
    if (Number(step) >= 1 && Number(step) <= steps.length) return Number(step) - 1;
    throw new TersorError('USAGE', `--set ${setting}`, `there is no step ${step}`, `steps are numbered from 1 to ${steps.length}`);
  }
  const numbers = steps.flatMap(({ use }, i) => (use === step ? [i + 1] : []));
  if (numbers.length > 1)
    throw new TersorError(
      'USAGE',
      `--set ${setting}`,
      `steps ${numbers.join(' and ')} use "${step}"`,
      `say which: --set ${numbers[0]}.${setting.slice(step.length + 1)}`,
    );
  return numbers[0] === undefined ? undefined : numbers[0] - 1;
}
