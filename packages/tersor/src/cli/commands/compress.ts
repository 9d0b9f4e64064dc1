import type { Asked } from '../../core/asked.ts';
import { TersorError } from '../../core/error.ts';
import type { Recipe } from '../../core/recipe.ts';
import type { Report } from '../../core/report.ts';
import { isFolder } from '../../io/node-folder.ts';
import { reportPage } from '../../report/report-page.ts';
import { checkModel } from '../check-model.ts';
import { type CompressFlags, commonOf, enoughAfter, isPage } from '../compress-flags.ts';
import { defined } from '../defined.ts';
import { DONE, MISSED } from '../exit-status.ts';
import { loadRecipe } from '../load-recipe.ts';
import { parseSteps } from '../parse-steps.ts';
import { roundingRecipe, roundingTypes } from '../rounding-recipe.ts';
import { checkFree, jsonText, type Saving, saveText } from '../save-file.ts';
import { modelLine } from '../screens/model-line.ts';
import { reportScreen } from '../screens/report-screen.ts';
import type { Shell } from '../shell.ts';
import { withProgress } from '../with-progress.ts';

export async function compressCommand(model: string, flags: CompressFlags, shell: Shell): Promise<number> {
  return runJob(flags.dryRun ? 'plan' : 'compress', model, flags, shell, await recipeFor(flags, shell));
}

export async function planCommand(model: string, flags: CompressFlags, shell: Shell): Promise<number> {
  return runJob('plan', model, flags, shell, await recipeFor(flags, shell));
}

/** What flags say that is to be done; undefined when it is to be found. @throws USAGE when two of them say it */
async function recipeFor(flags: CompressFlags, shell: Shell): Promise<Recipe | undefined> {
  const { recipe, set = [], type, tensor, imatrix } = flags;
  const given = defined({ type, tensor, imatrix });
  const [first] = Object.keys(given);
  if (fitsSize(flags)) return undefined;
  if (first === undefined) return loadRecipe(recipe, set, shell);
  if (recipe !== undefined || set.length > 0) {
    throw new TersorError('USAGE', `--${first}`, 'is a recipe of its own', 'leave --recipe and --set out');
  }
  return roundingRecipe(given, shell);
}

/** Whether the type of a GGUF is found by the size that is asked for. */
function fitsSize({ recipe, type, tensor, imatrix, maxSize }: CompressFlags): boolean {
  return maxSize !== undefined && recipe === undefined && type === undefined && (tensor !== undefined || imatrix !== undefined);
}

/** The main job with a recipe or without, from flags to exit status. */
export async function runJob(
  job: 'compress' | 'plan',
  model: string,
  flags: CompressFlags,
  shell: Shell,
  recipe: Recipe | undefined,
): Promise<number> {
  await checkModel(model);
  const steps = triedOf(flags, shell, recipe);
  if (await isFolder(model)) return (await import('./folder.ts')).runFolderJob(job, model, flags, shell, { recipe, steps });
  const savings = savingsOf(flags);
  for (const saving of savings) await checkFree(saving, { model, ...defined({ out: flags.out, force: flags.force }) });
  const { library } = shell;
  const talks = !flags.json && !flags.quiet;
  const inspection =
    talks || [flags.maxSize, flags.maxCoded].some((size) => size && 'share' in size) ? await library.inspect(model) : undefined;
  if (talks && inspection) shell.err.write(modelLine(inspection, shell.err));
  const asked: Asked = {
    ...askedOf(flags, inspection?.bytes ?? 0),
    ...(flags.out !== undefined && { output: flags.out }),
    ...(recipe && { recipe }),
    ...(steps && { steps }),
  };
  const report = await withProgress(talks ? shell.err : undefined, (onProgress) =>
    shell.interruptible(
      ({ signal, enough }) =>
        library[job](model, { ...asked, signal, enough: enoughAfter(flags.maxTime, enough), ...(onProgress && { onProgress }) }),
      { keeps: flags.keep === true && recipe === undefined, leaves: flags.resume === true },
    ),
  );
  for (const saving of savings) await saveText(saving, saving.text(report), flags.force === true);
  printReport(report, flags, shell);
  return report.outcome === 'missed' ? MISSED : DONE;
}

/** What the search may try. @throws USAGE where there is nothing to be searched for */
function triedOf(flags: CompressFlags, shell: Shell, recipe: Recipe | undefined): Asked['steps'] {
  const { try: tried, tensor, imatrix } = flags;
  const { methods } = shell;
  if (tried && recipe)
    throw new TersorError('USAGE', '--try', 'is for the search, and a recipe leaves nothing to be searched for', 'name one of them');
  if (!tried && fitsSize(flags))
    return roundingTypes(shell).map((type) => roundingRecipe({ ...defined({ tensor, imatrix }), type }, shell).steps);
  return tried?.flatMap((text) => parseSteps(text, methods));
}

/** The files that flags ask for, and what goes into them. */
function savingsOf({ saveRecipe, report = [] }: CompressFlags): (Saving & { text(report: Report): string })[] {
  return [
    ...(saveRecipe === undefined ? [] : [{ flag: '--save-recipe', path: saveRecipe, text: ({ recipe }: Report) => jsonText(recipe) }]),
    ...report.map((path) => ({ flag: '--report', path, text: isPage(path) ? reportPage : jsonText })),
  ];
}

function printReport(report: Report, flags: CompressFlags, { out }: Shell): void {
  out.write(
    flags.json
      ? `${JSON.stringify(report, null, 2)}\n`
      : reportScreen(report, out, { everyWeight: flags.weights === true, kept: flags.keep === true }),
  );
}

/** @throws USAGE for what is said of a folder alone */
function askedOf(flags: CompressFlags, originalBytes: number): Asked {
  const { target, dtype, skip } = flags;
  const flag = target === 'transformers.js' ? '--target transformers.js' : dtype !== undefined ? '--dtype' : skip ? '--skip' : undefined;
  if (flag !== undefined || target === 'transformers.js')
    throw new TersorError(
      'USAGE',
      flag ?? '--target',
      'is for folders of models',
      'name the folder that holds config.json, not the model in it',
    );
  return { ...commonOf(flags, originalBytes), ...defined({ target }) };
}
