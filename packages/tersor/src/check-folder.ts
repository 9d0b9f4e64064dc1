import { check, fileRows as modelRows } from './check.ts';
import { dataFor } from './compress/folder/data-for.ts';
import { namingModel } from './compress/folder/find-models.ts';
import { precisionOf } from './compress/folder/precision.ts';
import { openModel } from './compress/open-model.ts';
import type { AskedToCheck, AskedToCheckFolder } from './core/asked.ts';
import { TersorError } from './core/error.ts';
import type { FolderCheck } from './core/folder-report.ts';
import type { Check, CheckRow } from './core/report.ts';
import { integerText } from './core/text/units.ts';
import { fileSize, isFolder } from './io/node-folder.ts';
import { version } from './io/node-process.ts';
import { parseFolderReport, type ReportedFolder, type ReportedModel } from './report/parse-folder-report.ts';

/**
 * Holds a folder of models against the report that came with it: `check` of every model that was made smaller, whether those that stay are the
 * originals, and whether what lies beside them is there. Nothing is written.
 *
 * @param report  what `report.json` holds, parsed as JSON and no further
 * @throws {TersorError} what `check` throws, naming the model; FILE_MISSING when a model of the report is not in the folder, before anything is run
 */
export async function checkFolder(report: unknown, folder: string, asked: AskedToCheckFolder = {}): Promise<FolderCheck> {
  const { models, files } = parseFolderReport(report);
  if (!(await isFolder(folder))) throw new TersorError('FILE_MISSING', folder, 'is no folder', 'the report is about a folder of models');
  for (const { output } of models) await mustBeThere(folder, output);
  const rows = await fileRows(folder, files);
  const data = await dataOf(folder, models, asked);
  const checked: FolderCheck['models'][number][] = [];
  for (const [index, model] of models.entries()) {
    const { name, output } = model;
    const path = `${folder}/${output}`;
    const place = { name: output, number: index + 1, count: models.length };
    const own = data.get(name);
    const one = await namingModel(output, () =>
      model.report === undefined ? checkStaying(model, path, asked) : check(model.report, path, askedOfModel(asked, name, place, own)),
    );
    checked.push({ name: output, check: one });
  }
  const kept = checked.every((model) => model.check.kept) && rows.every(({ status }) => status !== 'missed');
  return { version: version(), path: folder, kept, rows, models: checked };
}

async function mustBeThere(folder: string, name: string): Promise<void> {
  if ((await fileSize(`${folder}/${name}`)) !== undefined) return;
  throw new TersorError(
    'FILE_MISSING',
    `${folder}/${name}`,
    'the report has this model, and the folder has not',
    'compress the original again',
  );
}

/** One row for all that is there, and one for each that is not or has another size; none where nothing lies beside the models. */
async function fileRows(folder: string, files: ReportedFolder['files']): Promise<CheckRow[]> {
  const faults: CheckRow[] = [];
  for (const { name, bytes } of files) {
    const found = await fileSize(`${folder}/${name}`);
    if (found !== undefined && found === (bytes ?? found)) continue;
    const promised = bytes === undefined ? name : `${name}, ${integerText(bytes)} bytes`;
    faults.push({ name: 'files', promised, actual: found === undefined ? 'missing' : integerText(found), status: 'missed' });
  }
  const rest = files.length - faults.length;
  const promised = `${integerText(rest)} ${rest === 1 ? 'file' : 'files'} beside the models`;
  return [...(rest > 0 ? [{ name: 'files', promised, actual: 'there', status: 'kept' } as const] : []), ...faults];
}

/** Inputs that are named anew, by model; those that stay need none. */
async function dataOf(folder: string, models: readonly ReportedModel[], asked: AskedToCheckFolder) {
  if (asked.data === undefined || asked.run === false) return new Map<string, AskedToCheck['data']>();
  const found = [];
  for (const { name, output, report } of models) {
    if (report === undefined) continue;
    const { model, files, bytes, close } = await namingModel(output, () => openModel(`${folder}/${output}`));
    await close();
    const { inputs = [], outputs = [] } = model.graph ?? {};
    found.push({ name, base: precisionOf(name).base, bytes, files, variants: [], inputs, outputs });
  }
  return (await dataFor(folder, found, { data: asked.data, ...(asked.signal && { signal: asked.signal }) })).of;
}

function askedOfModel(
  { original, data: _data, onProgress, ...rest }: AskedToCheckFolder,
  name: string,
  model: { readonly name: string; readonly number: number; readonly count: number },
  data: AskedToCheck['data'],
): AskedToCheck {
  return {
    ...rest,
    ...(original !== undefined && { original: `${original}/${name}` }),
    ...(data !== undefined && { data }),
    ...(onProgress && { onProgress: (progress) => onProgress({ ...progress, model }) }),
  };
}

/** A model that was left as it was promises to be the same file. */
async function checkStaying(reported: ReportedModel, path: string, { signal }: AskedToCheckFolder): Promise<Check> {
  const model = await openModel(path);
  try {
    const rows = await modelRows(reported, model, signal);
    return {
      version: version(),
      model: { path, format: model.format.id, bytes: model.bytes },
      kept: rows.every(({ status }) => status !== 'missed'),
      rows,
      runtimes: [],
      seconds: {},
    };
  } finally {
    await model.close();
  }
}
