import type { Asked, AskedOfFolder } from '../../core/asked.ts';
import { TersorError } from '../../core/error.ts';
import type { FolderFile, FolderModel } from '../../core/folder-report.ts';
import { nearest } from '../../core/nearest.ts';
import type { Report } from '../../core/report.ts';
import { globOf } from '../../core/rules.ts';
import { type Stopwatch, startStopwatch } from '../stopwatch.ts';
import { dataFor, type FolderData } from './data-for.ts';
import { type FoundFolder, type FoundModel, findModels } from './find-models.ts';
import { stemOf } from './names.ts';
import { dtypeOf, loadedModels, modelFolders, nameFor, ownDtype } from './transformers-js.ts';

/** What is to be done with a folder, checked before anything is computed. */
export interface FolderJob {
  readonly asked: AskedOfFolder;
  readonly folder: FoundFolder;
  /** Those that the result holds, small or as they were. */
  readonly models: readonly FoundModel[];
  /** Names of models that stay as they are, by request. */
  readonly skipped: ReadonlySet<string>;
  readonly files: readonly FolderFile[];
  /** The model folders, for transformers.js alone; each ends in a slash, but for the folder itself. */
  readonly roots?: readonly string[];
  readonly data: FolderData;
  readonly clock: Stopwatch;
}

/**
 * @throws FILE_* when the folder or a model in it cannot be read, FILE_EXISTS when only capitals tell two names apart, USAGE and OPTION_VALUE for what makes no sense of a folder, RULE_UNMATCHED when
 *   `skip` names no model, DATA_INVALID
 */
export async function openFolderJob(path: string, asked: AskedOfFolder): Promise<FolderJob> {
  const clock = startStopwatch();
  asked.onProgress?.({ phase: 'read', done: 0, total: 0 });
  const folder = await clock.time('read', () => findModels(path));
  const forTransformers = asked.target === 'transformers.js';
  if (asked.resume)
    throw new TersorError('USAGE', '--resume', 'is for one checkpoint', 'of a folder, what was measured is kept of itself: run it again');
  if (asked.dtype !== undefined && !forTransformers)
    throw new TersorError('USAGE', '--dtype', 'names files for transformers.js', 'give it together with --target transformers.js');
  const { loaded, others } = forTransformers ? loadedModels(folder) : { loaded: folder.models, others: [] };
  const carried = folder.files.filter(({ status }) => status === 'carried').map(({ name }) => name);
  mustDifferByMoreThanCapitals([...new Set([...loaded.flatMap(({ files }) => files), ...carried])]);
  const skipped = skippedOf(loaded, asked.skip ?? []);
  const work = loaded.filter(({ name }) => !skipped.has(name));
  if (asked.eval !== undefined && work.length > 1)
    throw new TersorError('USAGE', '--eval', `scores one model, and the folder holds ${work.length}`, 'leave the others out with --skip');
  for (const name of Object.keys(asked.outputs ?? {})) {
    const names = work.flatMap(({ outputs }) => outputs.map((output) => output.name));
    if (names.includes(name)) continue;
    const close = nearest(name, names);
    throw new TersorError(
      'USAGE',
      `output ${name}`,
      'no model of the folder has such an output',
      close ? `did you mean "${close}"?` : 'see them with: tersor inspect',
    );
  }
  return {
    asked,
    folder,
    models: loaded,
    skipped,
    files: [...folder.files, ...others],
    ...(forTransformers && { roots: modelFolders(folder, loaded) }),
    data: await dataFor(path, work, asked),
    clock,
  };
}

/** Where the result may go, such names are mostly one file: that is said now, not after the work. */
function mustDifferByMoreThanCapitals(names: readonly string[]): void {
  const seen = new Map<string, string>();
  for (const name of names) {
    const other = seen.get(name.toLowerCase());
    if (other !== undefined)
      throw new TersorError('FILE_EXISTS', name, `differs from ${other} by capitals alone`, 'rename one: on many disks they are one file');
    seen.set(name.toLowerCase(), name);
  }
}

function skippedOf(models: readonly FoundModel[], patterns: readonly string[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const pattern of patterns) {
    const found = models.filter(({ name }) => globOf(pattern).test(name) || globOf(pattern).test(stemOf(name)));
    for (const { name } of found) names.add(name);
    if (found.length > 0) continue;
    const close = nearest(
      pattern,
      models.map(({ name }) => name),
    );
    const hint = close ? `did you mean "${close}"?` : `its models are ${models.map(({ name }) => name).join(', ')}`;
    throw new TersorError('RULE_UNMATCHED', `--skip ${pattern}`, 'no model of the folder is called so', hint);
  }
  return names;
}

/** What is asked of one model; a size is shared by the caller. */
export function askedOfModel({ asked, models, data }: FolderJob, model: FoundModel): Asked {
  const { target, data: _data, dtype: _dtype, skip: _skip, budget, preprocess, output: _output, outputs, onProgress, ...rest } = asked;
  const { size: _size, ...promised } = budget ?? {};
  const own = data.of.get(model.name);
  const kinds = Object.entries(outputs ?? {}).filter(([name]) => model.outputs.some((output) => output.name === name));
  const place = { name: model.name, number: models.indexOf(model) + 1, count: models.length };
  return {
    ...rest,
    ...(Object.keys(promised).length > 0 && { budget: promised }),
    ...(kinds.length > 0 && { outputs: Object.fromEntries(kinds) }),
    ...(target !== undefined && { target: target === 'transformers.js' ? 'wasm' : target }),
    ...(own !== undefined && { data: own, ...(preprocess !== undefined && { preprocess }) }),
    ...(onProgress && { onProgress: (progress) => onProgress({ ...progress, model: place }) }),
  };
}

/** What a model becomes in the result. @param stays  why the original is there in its place */
export function folderModel(job: FolderJob, model: FoundModel, report: Report | undefined, stays: string | undefined): FolderModel {
  const { asked, folder, roots, data } = job;
  const { name, variants, bytes } = model;
  const dtype = roots && (stays === undefined && report ? (asked.dtype ?? dtypeOf(report.weights)) : ownDtype(model));
  const output = dtype === undefined ? name : nameFor(model, dtype);
  const unfit = data.unfit.get(name);
  return {
    name,
    output,
    resultBytes: stays === undefined ? (report?.resultBytes ?? bytes) : bytes,
    variants,
    ...(stays !== undefined && { stays }),
    ...(dtype !== undefined && { dtype }),
    ...(report && {
      report: {
        ...report,
        input: { ...report.input, path: `${folder.path}/${name}` },
        ...(report.output && { output: { ...report.output, path: `${asked.output}/${output}` } }),
        skipped: unfit === undefined ? report.skipped : [{ about: 'data', message: `made-up inputs instead: ${unfit}` }, ...report.skipped],
      },
    }),
  };
}
