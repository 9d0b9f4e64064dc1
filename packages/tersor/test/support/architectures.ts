import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { elementsOf } from '../../src/core/dtype.ts';
import { writeCheckpoint } from './tiny-llama.ts';

/** A small model of a family, as transformers saves and runs it: fixtures/make-architectures.py. */
export interface RecordedModel {
  readonly config: Readonly<Record<string, unknown>>;
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  readonly tokens: readonly number[];
  /** What follows each token. */
  readonly logits: readonly (readonly number[])[];
}

/** As vocabularies of bytes write it; llama.cpp wants it to be there. */
const LINE_END = 'Ċ';

const FOLDER = new URL('../fixtures/architectures/', import.meta.url);

export const RECORDED_MODELS: readonly string[] = readdirSync(FOLDER).map((name) => name.replace('.json', ''));

export function recordedModel(name: string): RecordedModel {
  return JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), 'utf8'));
}

/** Writes it as a Hugging Face folder. @returns its weights */
export async function writeRecorded(folder: string, { config, shapes }: RecordedModel): Promise<ReadonlyMap<string, Float32Array>> {
  mkdirSync(folder, { recursive: true });
  const values = new Map(Object.entries(shapes).map(([name, shape]) => [name, valuesOf(name, elementsOf(shape))]));
  const tokens = Array.from({ length: Number(config.vocab_size) }, (_, i) => (i === 0 ? LINE_END : String.fromCharCode(0x3f + i)));
  const tokenizer = {
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, use_regex: true },
    decoder: { type: 'ByteLevel' },
    model: { type: 'BPE', vocab: Object.fromEntries(tokens.map((token, i) => [token, i])), merges: [] },
  };
  const json = { 'config.json': config, 'tokenizer.json': tokenizer, 'tokenizer_config.json': { add_bos_token: false } };
  for (const [name, value] of Object.entries(json)) writeFileSync(join(folder, name), JSON.stringify(value));
  await writeCheckpoint(join(folder, 'model.safetensors'), values, new Map(Object.entries(shapes)));
  return values;
}

/** A hash of the name and of each place: between -0.5 and 0.5. */
function valuesOf(name: string, count: number): Float32Array {
  const seed = crc32(name);
  return Float32Array.from({ length: count }, (_, i) => {
    let x = Math.imul(i + 1, 2654435761) ^ seed;
    x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d);
    x = Math.imul(x ^ (x >>> 12), 0x297a2d39);
    x ^= x >>> 15;
    return (x >>> 8) / 2 ** 24 - 0.5;
  });
}
