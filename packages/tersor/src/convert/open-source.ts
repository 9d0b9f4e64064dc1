import type { Opened } from '../compress/open-model.ts';
import { TersorError } from '../core/error.ts';
import { type Fields, MAX_VOCABULARY_BYTES, readJson, readText } from '../formats/json-file.ts';
import { folderName, isFolder, namesIn } from '../io/node-folder.ts';
import { beside } from '../io/node-paths.ts';
import { openNodeStore } from '../io/node-store.ts';
import type { Described } from './to-gguf.ts';

/** What a folder's checkpoint is called, the best first. */
const MAIN = [
  /^model\.safetensors\.index\.json$/,
  /^model\.safetensors$/,
  /\.safetensors\.index\.json$/,
  /\.safetensors$/,
  /\.gguf$/,
  /\.onnx$/,
];

/** A model's file: the path itself, or the checkpoint of a folder. @throws FILE_MISSING, USAGE when a folder holds several */
export async function findSource(path: string): Promise<string> {
  if (!(await isFolder(path))) return path;
  const files = await namesIn(path);
  for (const pattern of MAIN) {
    const [name, ...others] = files.filter((file) => pattern.test(file));
    if (name === undefined) continue;
    if (others.length > 0)
      throw new TersorError('USAGE', path, `holds ${name} and ${others.length} more of its kind`, 'name the one that is meant');
    return `${path.replace(/[/\\]+$/, '')}/${name}`;
  }
  throw new TersorError('FILE_MISSING', path, 'holds no model', 'it takes .safetensors, .gguf or .onnx');
}

/**
 * What lies beside a checkpoint. Of `onnx/model.onnx` it lies in the folder above.
 * @throws FILE_MISSING, FILE_CORRUPT, FILE_LIMIT
 */
export async function describedBeside({ path, model }: Opened): Promise<Described> {
  const own = beside(path, '.');
  const folders = model.format === 'onnx' ? [own, beside(path, '..')] : [own];
  for (const folder of folders) {
    const found = await describedIn(folder);
    if (found) return found;
  }
  throw new TersorError(
    'FILE_MISSING',
    own,
    'holds no config.json',
    'GGUF says what a model is: it takes config.json and tokenizer.json beside the weights',
  );
}

async function describedIn(folder: string): Promise<Described | undefined> {
  const store = openNodeStore(folder);
  try {
    const config = await readJson(store, 'config.json');
    if (!config) return undefined;
    const tokenizer = await readJson(store, 'tokenizer.json', MAX_VOCABULARY_BYTES);
    if (!tokenizer) throw new TersorError('FILE_MISSING', folder, 'holds no tokenizer.json', 'GGUF holds the vocabulary, too: fetch it');
    const settings = (await readJson(store, 'tokenizer_config.json')) ?? {};
    const generation = await readJson(store, 'generation_config.json');
    const template = await readText(store, 'chat_template.jinja');
    const configs: readonly Fields[] = [config, ...(generation ? [generation] : [])];
    return { config, tokenizer, settings, configs, name: folderName(folder), ...(template !== undefined && { template }) };
  } finally {
    await store.close();
  }
}
