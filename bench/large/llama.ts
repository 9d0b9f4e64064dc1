import { BITS, elementsOf, type Shape } from '../../packages/tersor/src/core/dtype.ts';
import { halfBits } from '../../packages/tersor/src/core/half.ts';
import type { Load, Model, Weight } from '../../packages/tersor/src/core/model.ts';
import { rowsOf } from '../../packages/tersor/src/core/rows.ts';
import type { Source } from '../../packages/tersor/src/core/source.ts';
import type { GgufMeta } from '../../packages/tersor/src/formats/gguf/meta.ts';
import { encodeText, type ValueType } from '../../packages/tersor/src/formats/gguf/metadata.ts';
import type { SafetensorsMeta } from '../../packages/tersor/src/formats/safetensors/meta.ts';

export type Float = 'f32' | 'f16' | 'bf16';

/** Llama 2 with 7 B parameters. */
const [WIDTH, INNER, LAYERS, HEADS, TOKENS] = [4096, 11008, 32, 32, 32000];

/** Names of Hugging Face and of llama.cpp, and shapes. */
const PARTS: readonly (readonly [hugging: string, llama: string, shape: Shape])[] = [
  ['input_layernorm', 'attn_norm', [WIDTH]],
  ['self_attn.q_proj', 'attn_q', [WIDTH, WIDTH]],
  ['self_attn.k_proj', 'attn_k', [WIDTH, WIDTH]],
  ['self_attn.v_proj', 'attn_v', [WIDTH, WIDTH]],
  ['self_attn.o_proj', 'attn_output', [WIDTH, WIDTH]],
  ['post_attention_layernorm', 'ffn_norm', [WIDTH]],
  ['mlp.gate_proj', 'ffn_gate', [INNER, WIDTH]],
  ['mlp.up_proj', 'ffn_up', [INNER, WIDTH]],
  ['mlp.down_proj', 'ffn_down', [WIDTH, INNER]],
];

const TABLES: typeof PARTS = [
  ['model.embed_tokens', 'token_embd', [TOKENS, WIDTH]],
  ['model.norm', 'output_norm', [WIDTH]],
  ['lm_head', 'output', [TOKENS, WIDTH]],
];

/** As llama.cpp has it. Values are made when rows are asked for, so that a writer needs no more memory than for some of them. */
export function llamaForGguf(dtype: Float, layers = LAYERS): Model {
  const weights = [...namesOf(layers)].map(([, id, shape]) => weightOf(id, shape, shape.length === 1 ? 'f32' : dtype));
  const [int, float, text] = ['u32', 'f32', 'string'] as const;
  const tokens = Array.from({ length: TOKENS }, (_, i) => encodeText(`token ${i}`));
  const facts: readonly [string, ValueType, Uint8Array][] = [
    ['general.architecture', text, encodeText('llama')],
    ['llama.block_count', int, u32(layers)],
    ['llama.context_length', int, u32(4096)],
    ['llama.embedding_length', int, u32(WIDTH)],
    ['llama.feed_forward_length', int, u32(INNER)],
    ['llama.attention.head_count', int, u32(HEADS)],
    ['llama.attention.head_count_kv', int, u32(HEADS)],
    ['llama.rope.dimension_count', int, u32(WIDTH / HEADS)],
    ['llama.attention.layer_norm_rms_epsilon', float, bytesOf(Float32Array.of(1e-5))],
    ['tokenizer.ggml.model', text, encodeText('llama')],
    ['tokenizer.ggml.tokens', 'array', arrayOf(8, tokens)],
    ['tokenizer.ggml.scores', 'array', arrayOf(6, [new Uint8Array(TOKENS * 4)], TOKENS)],
    ['tokenizer.ggml.token_type', 'array', arrayOf(5, [bytesOf(new Int32Array(TOKENS).fill(1))], TOKENS)],
  ];
  const metadata = new Map(facts.map(([key, type, bytes]) => [key, { type, text: key, range: rangeOver(bytes) }] as const));
  const format: GgufMeta = { parts: [{ version: 3, alignment: 32, metadata, weights: [] }] };
  return modelOf('gguf', weights, format, new Map(facts.map(([key]) => [key, key])));
}

/** As Hugging Face has it, in `shards` files. */
export function llamaForSafetensors(dtype: Float, shards: number, layers = LAYERS): Model {
  const weights = [...namesOf(layers)].map(([id, , shape]) => weightOf(id, shape, dtype));
  const each = Math.ceil(weights.length / shards);
  const format: SafetensorsMeta = {
    shards: Array.from({ length: shards }, (_, i) => ({
      weights: weights.slice(i * each, (i + 1) * each).map(({ id }) => id),
      keys: ['format'],
    })),
  };
  return modelOf('safetensors', weights, format, new Map([['format', 'pt']]));
}

/** What lies beside a checkpoint of Hugging Face: config.json. */
export function configOf(dtype: Float, layers = LAYERS): string {
  const config = {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_size: WIDTH,
    intermediate_size: INNER,
    num_hidden_layers: layers,
    num_attention_heads: HEADS,
    num_key_value_heads: HEADS,
    max_position_embeddings: 4096,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    vocab_size: TOKENS,
    tie_word_embeddings: false,
    hidden_act: 'silu',
    bos_token_id: 1,
    eos_token_id: 2,
    torch_dtype: { f32: 'float32', f16: 'float16', bf16: 'bfloat16' }[dtype],
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

/** And tokenizer.json: as many tokens, of no language. */
export function tokenizerOf(): string {
  const vocab = Object.fromEntries(Array.from({ length: TOKENS }, (_, i) => [i < 2 ? 'ab'.charAt(i) : i === 2 ? 'ab' : `t${i}`, i]));
  return JSON.stringify({
    added_tokens: [],
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, use_regex: true },
    decoder: { type: 'ByteLevel' },
    model: { type: 'BPE', vocab, merges: [['a', 'b']] },
  });
}

function modelOf(format: Model['format'], weights: readonly Weight[], own: unknown, properties: ReadonlyMap<string, string>): Model {
  const byId = new Map(weights.map((weight) => [weight.id, weight]));
  return { format, meta: { properties, producer: '', format: own }, weights: byId, execution: new Map() };
}

function* namesOf(layers: number): Generator<readonly [hugging: string, llama: string, shape: Shape]> {
  const [embedding, ...ends] = TABLES.map(([hugging, llama, shape]) => [`${hugging}.weight`, `${llama}.weight`, shape] as const);
  if (embedding) yield embedding;
  for (let layer = 0; layer < layers; layer++) {
    for (const [hugging, llama, shape] of PARTS) yield [`model.layers.${layer}.${hugging}.weight`, `blk.${layer}.${llama}.weight`, shape];
  }
  yield* ends;
}

function weightOf(id: string, shape: Shape, dtype: Float): Weight {
  const { rows: count, columns } = rowsOf(shape);
  const bytesPerRow = (columns * BITS[dtype]) / 8;
  const rows: NonNullable<Load['rows']> = async (start, end) => {
    const bytes = new Uint8Array((end - start) * bytesPerRow);
    for (let row = start; row < end; row++) bytes.set(rowAt(id, row, columns, dtype), (row - start) * bytesPerRow);
    return { kind: 'dense', dtype, shape: [end - start, columns], bytes };
  };
  const whole = async () => ({ ...(await rows(0, count)), shape });
  return { id, shape, dtype, layout: { kind: 'dense', dtype }, load: elementsOf(shape) > columns ? Object.assign(whole, { rows }) : whole };
}

/** More values than any row has; rows are cut out of them here and there. */
const POOL = 2 ** 22;
const pools = new Map<Float, Uint8Array>();

function rowAt(id: string, row: number, columns: number, dtype: Float): Uint8Array {
  let hash = 2166136261;
  for (const character of `${id} ${row}`) hash = Math.imul(hash ^ character.charCodeAt(0), 16777619);
  const pool = pools.get(dtype) ?? makePool(dtype);
  pools.set(dtype, pool);
  const bytes = BITS[dtype] / 8;
  const from = (hash >>> 0) % (POOL - columns);
  return pool.subarray(from * bytes, (from + columns) * bytes);
}

/** About normal: sums of four uniform numbers. */
function makePool(dtype: Float): Uint8Array {
  let state = 1;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const values = Float32Array.from({ length: POOL }, () => (next() + next() + next() + next() - 2) * 0.04);
  if (dtype === 'f32') return bytesOf(values);
  if (dtype === 'f16') return bytesOf(Uint16Array.from(values, halfBits));
  return bytesOf(Uint16Array.from(new Uint32Array(values.buffer), (bits) => bits >>> 16));
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array | Uint16Array | Int32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function u32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

function arrayOf(type: number, elements: readonly Uint8Array[], count = elements.length): Uint8Array {
  return new Uint8Array(Buffer.concat([u32(type), new Uint8Array(BigUint64Array.of(BigInt(count)).buffer), ...elements]));
}

function rangeOver(bytes: Uint8Array) {
  const source: Source = { name: 'metadata', size: bytes.length, read: async (offset, length) => bytes.slice(offset, offset + length) };
  return { source, offset: 0, length: bytes.length };
}
