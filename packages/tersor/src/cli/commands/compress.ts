import type { Asked } from '../../core/asked.ts';
import type { Recipe } from '../../core/recipe.ts';
import type { Report } from '../../core/report.ts';
import { reportPage } from '../../report/report-page.ts';
import { checkModel } from '../check-model.ts';
import { defined } from '../defined.ts';
import { DONE, MISSED } from '../exit-status.ts';
import type { OutputKinds } from '../flags.ts';
import { loadRecipe } from '../load-recipe.ts';
import { resolveSize, type Size } from '../quantities.ts';
import { checkFree, jsonText, type Saving, saveText } from '../save-file.ts';
import { modelLine } from '../screens/model-line.ts';
import { reportScreen } from '../screens/report-screen.ts';
import type { Shell } from '../shell.ts';
import { withProgress } from '../with-progress.ts';

/** What the flags of the main job say, as commander names them. */
export interface CompressFlags {
  readonly out?: string;
  readonly force?: boolean;
  readonly keep?: boolean;
  readonly verify?: boolean;
  readonly dryRun?: boolean;
  readonly recipe?: string;
  readonly set?: readonly string[];
  readonly saveRecipe?: string;
  readonly report?: readonly string[];
  readonly maxDrop?: number;
  readonly maxSize?: Size;
  readonly maxLatency?: number;
  readonly maxMemory?: number;
  readonly target?: Asked['target'];
  readonly data?: string;
  readonly preprocess?: string;
  readonly samples?: number;
  readonly output?: OutputKinds;
  readonly eval?: string;
  readonly seed?: number;
  readonly threads?: number;
  readonly weights?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export async function compressCommand(model: string, flags: CompressFlags, shell: Shell): Promise<number> {
  return runJob(flags.dryRun ? 'plan' : 'compress', model, flags, shell, await loadRecipe(flags.recipe, flags.set ?? [], shell));
}

export async function planCommand(model: string, flags: CompressFlags, shell: Shell): Promise<number> {
  return runJob('plan', model, flags, shell, await loadRecipe(flags.recipe, flags.set ?? [], shell));
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
  const savings = savingsOf(flags);
  for (const saving of savings) await checkFree(saving, { model, ...defined({ out: flags.out, force: flags.force }) });
  const { library } = shell;
  const talks = !flags.json && !flags.quiet;
  const inspection = talks || (flags.maxSize && 'share' in flags.maxSize) ? await library.inspect(model) : undefined;
  if (talks && inspection) shell.err.write(modelLine(inspection, shell.err));
  const asked: Asked = {
    ...askedOf(flags, inspection?.bytes ?? 0),
    ...(flags.out !== undefined && { output: flags.out }),
    ...(recipe && { recipe }),
  };
  const report = await withProgress(talks ? shell.err : undefined, (onProgress) =>
    shell.interruptible((signal) => library[job](model, { ...asked, signal, ...(onProgress && { onProgress }) })),
  );
  for (const saving of savings) await saveText(saving, saving.text(report), flags.force === true);
  printReport(report, flags, shell);
  return report.outcome === 'missed' ? MISSED : DONE;
}

/** The files that flags ask for, and what goes into them. */
function savingsOf({ saveRecipe, report = [] }: CompressFlags): (Saving & { text(report: Report): string })[] {
  return [
    ...(saveRecipe === undefined ? [] : [{ flag: '--save-recipe', path: saveRecipe, text: ({ recipe }: Report) => jsonText(recipe) }]),
    ...report.map((path) => ({ flag: '--report', path, text: isPage(path) ? reportPage : jsonText })),
  ];
}

function isPage(path: string): boolean {
  return path.toLowerCase().endsWith('.html');
}

function printReport(report: Report, flags: CompressFlags, { out }: Shell): void {
  out.write(
    flags.json
      ? `${JSON.stringify(report, null, 2)}\n`
      : reportScreen(report, out, { everyWeight: flags.weights === true, kept: flags.keep === true }),
  );
}

function askedOf(flags: CompressFlags, originalBytes: number): Asked {
  const { maxDrop, maxSize, maxLatency, maxMemory, output, target, data, preprocess, samples, seed, threads, keep, verify, force } = flags;
  const budget = defined({
    drop: maxDrop,
    size: maxSize && resolveSize(maxSize, originalBytes),
    latency: maxLatency,
    memory: maxMemory,
  });
  return {
    ...defined({ target, data, preprocess, samples, seed, threads, keep, force, eval: flags.eval, outputs: output }),
    ...(verify === false && { verify }),
    ...(flags.report && { weigh: true }),
    ...(Object.keys(budget).length > 0 && { budget }),
  };
}
