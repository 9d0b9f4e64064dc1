import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { placesOf, sizesOf } from '../../src/architectures/architecture.ts';
import { architectureOfConfig, factsOfConfig } from '../../src/architectures/architectures.ts';
import type { Checkpoint } from '../../src/convert/checkpoint.ts';
import { denseOf } from '../../src/core/decode.ts';
import { elementsOf } from '../../src/core/dtype.ts';
import type { Model, Weight } from '../../src/core/model.ts';
import { randomFor } from '../../src/core/random.ts';
import { safetensors } from '../../src/formats/safetensors/safetensors.ts';
import { openMemory } from '../../src/io/memory-store.ts';
import { openKernels } from '../../src/kernels/open-kernels.ts';

type Json = Readonly<Record<string, unknown>>;

export const TINY_CONFIG = {
  model_type: 'llama',
  hidden_act: 'silu',
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  hidden_size: 16,
  intermediate_size: 24,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  vocab_size: 6,
  tie_word_embeddings: false,
  bos_token_id: 4,
  eos_token_id: [4, 3],
} satisfies Json;

export const TINY_TOKENIZER = {
  added_tokens: [{ id: 4, content: '<|end|>', special: true }],
  pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, use_regex: true },
  decoder: { type: 'ByteLevel' },
  model: { type: 'BPE', vocab: { a: 0, b: 1, ab: 2, Ġ: 3 }, merges: [['a', 'b']] },
} satisfies Json;

export const TINY_BERT = {
  model_type: 'bert',
  hidden_act: 'gelu',
  num_hidden_layers: 1,
  num_attention_heads: 2,
  hidden_size: 8,
  intermediate_size: 12,
  max_position_embeddings: 10,
  type_vocab_size: 2,
  vocab_size: 6,
} satisfies Json;

export interface TinyLlama {
  readonly config?: Json;
  readonly tokenizer?: Json;
  readonly settings?: Json;
  /** Of the weights, by their names. */
  readonly change?: (weights: Map<string, Float32Array>, shapes: Map<string, readonly number[]>) => void;
}

/** A folder of Hugging Face's kind with a language model of two layers and random values. @returns its weights */
export async function writeTinyLlama(
  folder: string,
  { config = TINY_CONFIG, tokenizer = TINY_TOKENIZER, settings = {}, change }: TinyLlama = {},
): Promise<ReadonlyMap<string, Float32Array>> {
  const { values, shapes } = tinyWeights(config);
  change?.(values, shapes);
  mkdirSync(folder, { recursive: true });
  const json: Readonly<Record<string, Json>> = { 'config.json': config, 'tokenizer.json': tokenizer, 'tokenizer_config.json': settings };
  for (const [name, value] of Object.entries(json)) writeFileSync(join(folder, name), JSON.stringify(value));
  await writeCheckpoint(join(folder, 'model.safetensors'), values, shapes);
  return values;
}

/** The same in memory. */
export function checkpointOfTiny(): Checkpoint {
  const { values, shapes } = tinyWeights(TINY_CONFIG);
  const weights = [...values].map(([id, floats]) => ({ ...floatWeight(id, floats, shapes.get(id) ?? []), origin: id }));
  return { weights: new Map(weights.map((weight) => [weight.id, weight])), leftOut: [] };
}

function floatWeight(id: string, floats: Float32Array, shape: readonly number[]): Weight {
  return { id, shape, dtype: 'f32', layout: { kind: 'dense', dtype: 'f32' }, load: async () => denseOf(floats, shape) };
}

/** 32-bit floats as a safetensors file. */
export async function writeCheckpoint(
  path: string,
  values: ReadonlyMap<string, Float32Array>,
  shapes: ReadonlyMap<string, readonly number[]>,
): Promise<void> {
  const weights = [...values].map(([id, floats]): Weight => {
    const shape = [...shapes].find(([name]) => id.endsWith(name))?.[1] ?? [floats.length];
    return floatWeight(id, floats, shape);
  });
  const model: Model = {
    format: 'safetensors',
    meta: { properties: new Map([['format', 'pt']]), producer: 'pt', format: undefined },
    weights: new Map(weights.map((weight) => [weight.id, weight])),
    execution: new Map(),
  };
  const [store, kernels] = [openMemory(), await openKernels({ threads: 0 })];
  await safetensors.write(model, store, 'model.safetensors', { target: 'node', kernels });
  await store.commit();
  await kernels.close();
  for (const bytes of store.files.values()) writeFileSync(path, bytes);
}

function tinyWeights(config: Json) {
  const type = config.model_type === 'qwen2' ? 'qwen2' : 'llama';
  // sizes of the config itself may be what a test is about
  const own = config.model_type === 'bert' ? config : { ...TINY_CONFIG, model_type: type };
  const architecture = architectureOfConfig(own, 'test');
  const sizes = sizesOf(factsOfConfig(architecture, own, 'test'));
  if (!sizes) throw new Error('no sizes');
  const [values, shapes] = [new Map<string, Float32Array>(), new Map<string, readonly number[]>()];
  for (const { checkpoint, shape, isOptional } of placesOf(architecture, sizes)) {
    if (isOptional && checkpoint !== 'lm_head.weight') continue;
    const random = randomFor(1, checkpoint);
    const lengths = shape.map((length) => length || TINY_CONFIG.vocab_size);
    values.set(
      checkpoint,
      Float32Array.from({ length: elementsOf(lengths) }, () => random() - 0.5),
    );
    shapes.set(checkpoint, lengths);
  }
  return { values, shapes };
}
