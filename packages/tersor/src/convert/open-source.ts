import type { Opened } from '../compress/open-model.ts';
import { TersorError } from '../core/error.ts';
import type { Store } from '../core/source.ts';
import { type Fields, MAX_VOCABULARY_BYTES, readJson, readText } from '../formats/json-file.ts';
import { folderName } from '../io/node-folder.ts';
import { beside } from '../io/node-paths.ts';
import { openNodeStore } from '../io/node-store.ts';
import type { Described } from './to-gguf.ts';

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
    const pooling = config.model_type === 'bert' ? await poolingOf(store) : undefined;
    const configs: readonly Fields[] = [config, ...(generation ? [generation] : [])];
    return {
      config,
      tokenizer,
      settings,
      configs,
      name: folderName(folder),
      ...(template !== undefined && { template }),
      ...(pooling !== undefined && { pooling }),
    };
  } finally {
    await store.close();
  }
}

/** Of sentence-transformers, by llama.cpp's numbers. */
const POOLINGS = { pooling_mode_mean_tokens: 1, pooling_mode_cls_token: 2, pooling_mode_lasttoken: 3 } as const;

/** As sentence-transformers says; the mean of all tokens unless told. @throws FILE_UNSUPPORTED for ways that llama.cpp has not */
async function poolingOf(store: Store): Promise<number> {
  const said = await readJson(store, '1_Pooling/config.json');
  const chosen = Object.entries(said ?? {}).flatMap(([key, value]) => (key.startsWith('pooling_mode_') && value === true ? [key] : []));
  if (chosen.length === 0) return POOLINGS.pooling_mode_mean_tokens;
  const found = Object.entries(POOLINGS).find(([key]) => chosen.length === 1 && key === chosen[0]);
  if (found) return found[1];
  throw new TersorError(
    'FILE_UNSUPPORTED',
    '1_Pooling/config.json',
    `has ${chosen.join(' and ').slice(0, 80)}`,
    `known is one of ${Object.keys(POOLINGS).join(', ')}`,
  );
}
