import type { FolderModel, FolderReport } from '../../core/folder-report.ts';
import { namesIn } from '../../io/node-folder.ts';
import type { StagedFolder } from '../../io/node-staged-folder.ts';
import type { FolderJob } from './folder-job.ts';
import { fileOf, placeOf } from './names.ts';
import { type TransformersFiles, transformersFiles, withChanges } from './transformers-files.ts';

/** What lies with the models, and for transformers.js what says to it where they are. */
export type ResultFiles = Pick<FolderReport, 'files' | 'loaders'> & Partial<Pick<TransformersFiles, 'configs'>>;

/** Where results lie for now, by model; absent for those that stay. */
export type Places = ReadonlyMap<string, string>;

/** @throws DATA_INVALID when a config.json is none */
export async function resultFiles(job: FolderJob, models: readonly FolderModel[], places: Places): Promise<ResultFiles> {
  if (!job.roots) return { files: job.files };
  const data = new Map<string, readonly string[]>();
  for (const { name, output } of models) {
    const place = places.get(name);
    const originals = job.models.find((model) => model.name === name)?.files.map(fileOf) ?? [];
    // a result's data is named after it, whatever it is called in the end
    data.set(
      name,
      place === undefined ? originals : (await namesIn(place)).map((file) => file.replace(fileOf(name), () => fileOf(output))),
    );
  }
  const { loaders, configs } = await transformersFiles(job, models, ({ name }) => data.get(name) ?? []);
  return { loaders, configs, files: withChanges(job.files, configs) };
}

/**
 * Puts models under their names, and everything that comes with them beside.
 * @param rewrite  writes a model's result again, under another name
 * @throws FILE_WRITE, FILE_EXISTS when two files of the result have one name, INTERRUPTED
 */
export async function putTogether(
  { folder, asked, models: found }: FolderJob,
  staged: StagedFolder,
  models: readonly FolderModel[],
  places: Places,
  { files, configs }: ResultFiles,
  rewrite: (model: FolderModel, path: string) => Promise<void>,
): Promise<void> {
  const copied = new Set<string>();
  for (const model of models) {
    const { name, output } = model;
    const place = places.get(name);
    if (place === undefined) {
      for (const file of found.find((each) => each.name === name)?.files ?? []) {
        const to = file === name ? output : placeOf(output) + file.slice(placeOf(name).length);
        // models may share their data
        if (!copied.has(`${file}\n${to}`)) await staged.copy(`${folder.path}/${file}`, to);
        copied.add(`${file}\n${to}`);
      }
      continue;
    }
    const isRenamed = fileOf(name) !== fileOf(output);
    const hasData = (await namesIn(place)).length > 1;
    // a model that names its data cannot just be renamed
    const final = isRenamed && hasData ? await staged.aside(`named/${name}`) : place;
    if (final !== place) await rewrite(model, `${final}/${fileOf(output)}`);
    for (const file of await namesIn(final))
      await staged.move(`${final}/${file}`, placeOf(output) + (file === fileOf(name) ? fileOf(output) : file));
  }
  for (const { name, status } of files) {
    asked.signal?.throwIfAborted();
    const config = configs?.get(name);
    if (config) await staged.write(name, `${JSON.stringify(config, null, 2)}\n`);
    else if (status === 'carried') await staged.copy(`${folder.path}/${name}`, name);
  }
}

/** Whether a file may be replaced: what a result of this folder has, or had under another precision. */
export function isOfResult({ models, files }: FolderJob, name: string): boolean {
  if (files.some((file) => file.name === name) || /(^|\/)(\.DS_Store|Thumbs\.db|desktop\.ini)$/.test(name)) return true;
  const bases = models.map(({ base }) => fileOf(base));
  return /\.onnx(_data|\.data)?(_\d+)?$/i.test(name) && bases.some((base) => fileOf(name).startsWith(base));
}
