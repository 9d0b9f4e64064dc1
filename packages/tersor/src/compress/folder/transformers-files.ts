import type { FolderFile, FolderModel, TransformersLoader } from '../../core/folder-report.ts';
import { readBesideModel } from '../../data/beside-model-node.ts';
import type { FolderJob } from './folder-job.ts';
import { fileOf } from './names.ts';
import { adapted, type Config, loaderOf } from './transformers-js.ts';

const OF_SENTENCES = ['modules.json', 'sentence_bert_config.json', 'config_sentence_transformers.json'];

/** How transformers.js loads the result, and the configs that say so to it, by name. */
export interface TransformersFiles {
  readonly loaders: readonly TransformersLoader[];
  readonly configs: ReadonlyMap<string, Config>;
}

/**
 * @param dataOf  files of external data of each model's output, without folders
 * @throws DATA_INVALID when a config.json is none
 */
export async function transformersFiles(
  { folder: { path, files }, roots = [] }: FolderJob,
  models: readonly FolderModel[],
  dataOf: (model: FolderModel) => readonly string[],
): Promise<TransformersFiles> {
  const loaders: TransformersLoader[] = [];
  const configs = new Map<string, Config>();
  for (const root of roots) {
    const name = `${root}config.json`;
    const config = (await readBesideModel(`${path}/${root}model`, 'config.json')) ?? {};
    const sentences = files.some((file) => OF_SENTENCES.some((each) => file.name === root + each));
    const loader = loaderOf(root, models, config, sentences);
    const own = models.filter(({ output }) => output.startsWith(`${root}onnx/`));
    const chunks = own.flatMap((model): [string, number][] => {
      const file = fileOf(model.output);
      const count = dataOf(model).filter((data) => data.startsWith(`${file}_data`)).length;
      return count > 0 ? [[file, count]] : [];
    });
    loaders.push(loader);
    configs.set(name, adapted(config, loader, Object.fromEntries(chunks)));
  }
  return { loaders, configs };
}

/** The same files, the changed ones said to be so. */
export function withChanges(files: readonly FolderFile[], configs: TransformersFiles['configs']): FolderFile[] {
  return files.map((file) =>
    configs.has(file.name) ? { ...file, status: 'changed', why: 'its transformers.js_config names the files of the result' } : file,
  );
}
