import { join, resolve } from 'node:path';
import type { Asked, AskedOfFolder } from '../../core/asked.ts';
import { TersorError } from '../../core/error.ts';
import type { FolderReport } from '../../core/folder-report.ts';
import type { Recipe } from '../../core/recipe.ts';
import { isInside } from '../../io/node-folder.ts';
import { minFolderName } from '../../io/node-paths.ts';
import { folderPage } from '../../report/folder-page.ts';
import { type CompressFlags, commonOf, enoughAfter, isPage } from '../compress-flags.ts';
import { defined } from '../defined.ts';
import { DONE, MISSED } from '../exit-status.ts';
import { checkFree, jsonText, saveText } from '../save-file.ts';
import { folderLine } from '../screens/folder-inspection-screen.ts';
import { folderScreen } from '../screens/folder-screen.ts';
import type { Shell } from '../shell.ts';
import { withProgress } from '../with-progress.ts';

/** The main job on a folder of models, with a recipe for all of them or without, from flags to exit status. */
export async function runFolderJob(
  job: 'compress' | 'plan',
  folder: string,
  flags: CompressFlags,
  { library, out, err, interruptible }: Shell,
  { recipe, steps }: { readonly recipe: Recipe | undefined; readonly steps: Asked['steps'] },
): Promise<number> {
  if (flags.saveRecipe !== undefined)
    throw new TersorError(
      'USAGE',
      '--save-recipe',
      'a folder has a recipe for each model',
      'each result carries its own inside; see --report report.json',
    );
  const output = flags.out ?? minFolderName(folder);
  const reports = (flags.report ?? []).map((path) => ({ flag: '--report', path }));
  for (const report of reports) await checkReport(report, folder, output, flags.force === true);
  const talks = !flags.json && !flags.quiet;
  const inspection = await library.inspectFolder(folder);
  if (talks) err.write(folderLine(inspection, err));
  const asked: AskedOfFolder = {
    ...commonOf(flags, inspection.bytes),
    ...defined({ target: flags.target, dtype: flags.dtype, skip: flags.skip }),
    output,
    ...(recipe && { recipe }),
    ...(steps && { steps }),
  };
  const work = job === 'plan' ? library.planFolder : library.compressFolder;
  const report = await withProgress(talks ? err : undefined, (onProgress) =>
    interruptible(
      ({ signal, enough }) =>
        work(folder, { ...asked, signal, enough: enoughAfter(flags.maxTime, enough), ...(onProgress && { onProgress }) }),
      { keeps: flags.keep === true && recipe === undefined },
    ),
  );
  for (const saving of reports) await saveText(saving, textOf(saving.path, report), flags.force === true);
  out.write(flags.json ? jsonText(report) : folderScreen(report, out, { kept: flags.keep === true }));
  return report.outcome === 'missed' ? MISSED : DONE;
}

/** The result appears as a whole: nothing else can be put into it, and nothing is written into the input. */
async function checkReport(
  report: { readonly flag: string; readonly path: string },
  folder: string,
  output: string,
  force: boolean,
): Promise<void> {
  const at = [folder, output].find((place) => isInside(resolve(place), resolve(report.path)));
  if (at !== undefined) throw new TersorError('USAGE', report.path, `is inside ${at}`, 'write the report beside it');
  await checkFree(report, { model: join(folder, 'config.json'), out: output, force });
}

function textOf(path: string, report: FolderReport): string {
  return isPage(path) ? folderPage(report) : jsonText(report);
}
