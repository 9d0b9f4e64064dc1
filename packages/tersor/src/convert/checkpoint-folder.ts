import { demandsOn } from '../architectures/architectures.ts';
import type { Opened } from '../compress/open-model.ts';
import { decode } from '../core/decode.ts';
import { ggufMeta } from '../formats/gguf/meta.ts';
import { tokenizerFilesOf } from '../formats/gguf/tokenizer-files.ts';
import { type Fields, isFields, readJson } from '../formats/json-file.ts';
import { namesIn } from '../io/node-folder.ts';
import { beside } from '../io/node-paths.ts';
import { openNodeStore } from '../io/node-store.ts';
import type { Checkpoint } from './checkpoint.ts';
import { frequencyFactors } from './rope.ts';

/** What lies beside the weights of a Hugging Face folder. */
export interface FolderFiles {
  /** Texts of files, by name. */
  readonly texts: ReadonlyMap<string, string>;
  /** Files of the source's folder that are carried along. */
  readonly carried: readonly { readonly path: string; readonly name: string }[];
  /** What could not be said. */
  readonly notes: readonly (readonly [about: string, message: string])[];
}

/** Types as config.json has them. */
const TYPES: Readonly<Record<string, string>> = { f32: 'float32', f16: 'float16', bf16: 'bfloat16' };

/** What says how a model is used: not weights, and not what says how they were quantized. */
const CARRIED = /\.(json|jinja|txt|model)$/;
const NOT_CARRIED = /^(config|quantize_config|quant_config|model\.safetensors\.index)\.json$|\.safetensors\.index\.json$/;

/**
 * The files beside weights that were converted: of GGUF, what its metadata say in the words of Hugging Face; of others, what lay beside them, where config.json says
 * of no quantization any more.
 * @throws FILE_CORRUPT, FILE_LIMIT
 */
export async function folderFiles(source: Opened, checkpoint: Checkpoint, dtype: string): Promise<FolderFiles> {
  return source.model.format === 'gguf' ? ofGguf(source, checkpoint, dtype) : besideOf(source, dtype);
}

async function besideOf({ path }: Opened, dtype: string): Promise<FolderFiles> {
  const folder = beside(path, '.');
  const carried = (await namesIn(folder)).filter((name) => CARRIED.test(name) && !NOT_CARRIED.test(name));
  const store = openNodeStore(folder);
  try {
    const { quantization_config: _, compression_config: __, ...config } = (await readJson(store, 'config.json')) ?? {};
    const texts = Object.keys(config).length > 0 ? [['config.json', textOf({ ...config, ...typeIn(config, dtype) })] as const] : [];
    return { texts: new Map(texts), carried: carried.map((name) => ({ name, path: beside(path, name) })), notes: [] };
  } finally {
    await store.close();
  }
}

/** The later name of it, where that is the one that was there. */
function typeIn(config: Fields, dtype: string): Fields {
  return 'dtype' in config ? { dtype: TYPES[dtype] } : { torch_dtype: TYPES[dtype] };
}

async function ofGguf({ path, model }: Opened, checkpoint: Checkpoint, dtype: string): Promise<FolderFiles> {
  const metadata = ggufMeta(model.meta.format)?.parts[0]?.metadata ?? new Map();
  const tokenizer = await tokenizerFilesOf(metadata, path);
  const notes: [string, string][] = [];
  if (!tokenizer) notes.push(['tokenizer.json', "the vocabulary is of a kind that it has no words for: fetch the model's own"]);
  const rope = await ropeScaling(model.meta.properties, checkpoint, model);
  if (rope === 'unknown') notes.push(['config.json', 'positions are stretched in a way that it has no words for: they are not, now']);
  const config = { ...configOf(checkpoint, dtype), ...tokenizer?.config, rope_scaling: isFields(rope) ? rope : null };
  const { facts } = checkpoint.described ?? {};
  const settings = tokenizer && { ...tokenizer.settings, model_max_length: facts?.get('context_length') };
  const texts = { 'config.json': config, ...(tokenizer && { 'tokenizer.json': tokenizer.tokenizer, 'tokenizer_config.json': settings }) };
  return { texts: new Map(Object.entries(texts).map(([name, value]) => [name, textOf(value ?? {})])), carried: [], notes };
}

function configOf({ described, weights }: Checkpoint, dtype: string): Fields {
  if (!described) return {};
  const { architecture, facts } = described;
  const [first] = architecture.models;
  const said = architecture.facts.flatMap(({ key, config, unit }) => {
    const value = facts.get(key);
    return value === undefined ? [] : [[config, unit ? value / unit(facts) : value] as const];
  });
  const config = Object.fromEntries(said);
  const embedding = architecture.weights.find(({ gguf }) => gguf === 'token_embd.weight')?.checkpoint ?? '';
  return {
    architectures: [first?.class],
    model_type: first?.type,
    ...config,
    ...demandsOn(architecture, config),
    vocab_size: weights.get(embedding)?.shape[0],
    tie_word_embeddings: !weights.has('lm_head.weight'),
    torch_dtype: TYPES[dtype],
  };
}

/** What Llama 3.1 and 3.2 are published with: GGUF keeps the frequencies that come of it. */
const LLAMA_3 = [8, 32].map((factor) => ({ factor, original: 8192, low: 1, high: 4 }));

async function ropeScaling(
  properties: ReadonlyMap<string, string>,
  { described }: Checkpoint,
  { weights }: Opened['model'],
): Promise<Fields | 'unknown' | undefined> {
  const id = described?.architecture.id;
  const said = (key: string) => properties.get(`${id}.rope.scaling.${key}`);
  const number = (key: string) => Number(said(key));
  if (said('type') === 'linear') return { rope_type: 'linear', factor: number('factor') };
  if (said('type') === 'yarn') {
    return { rope_type: 'yarn', factor: number('factor'), original_max_position_embeddings: number('original_context_length') };
  }
  const [long, short] = [weights.get('rope_factors_long.weight'), weights.get('rope_factors_short.weight')];
  if (long && short)
    return { rope_type: 'longrope', long_factor: [...decode(await long.load())], short_factor: [...decode(await short.load())] };
  const factors = weights.get('rope_freqs.weight');
  if (!factors) return undefined;
  const stored = decode(await factors.load());
  const base = described?.facts.get('rope.freq_base') ?? 0;
  const found = LLAMA_3.find((rope) => {
    const values = frequencyFactors(rope, stored.length * 2, base);
    return stored.every((value, i) => Math.abs(value - (values[i] ?? 0)) <= 1e-4 * value);
  });
  if (!found) return 'unknown';
  const { factor, original, low, high } = found;
  return { rope_type: 'llama3', factor, original_max_position_embeddings: original, low_freq_factor: low, high_freq_factor: high };
}

function textOf(value: Fields): string {
  // a vocabulary is not for people
  return `${JSON.stringify(value, null, 'model' in value ? undefined : 2)}\n`;
}
