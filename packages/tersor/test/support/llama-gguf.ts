import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Model, Weight } from '../../src/core/model.ts';
import type { Source } from '../../src/core/source.ts';
import type { Tensor } from '../../src/core/tensor.ts';
import type { GgufMeta } from '../../src/formats/gguf/meta.ts';
import { encodeText, type ValueType } from '../../src/formats/gguf/metadata.ts';
import { safetensors } from '../../src/formats/safetensors/safetensors.ts';
import { openNodeStore } from '../../src/io/node-store.ts';
import { u32, u64 } from './gguf-bytes.ts';

interface Config {
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly max_position_embeddings: number;
  readonly head_dim: number;
  readonly vocab_size: number;
  readonly rms_norm_eps: number;
  readonly rope_theta: number;
}

/** Names in a checkpoint of Hugging Face and in llama.cpp. */
const NAMES: Readonly<Record<string, string>> = {
  input_layernorm: 'attn_norm',
  post_attention_layernorm: 'ffn_norm',
  'self_attn.q_proj': 'attn_q',
  'self_attn.k_proj': 'attn_k',
  'self_attn.v_proj': 'attn_v',
  'self_attn.o_proj': 'attn_output',
  'mlp.gate_proj': 'ffn_gate',
  'mlp.up_proj': 'ffn_up',
  'mlp.down_proj': 'ffn_down',
};

/** A small Llama of Hugging Face as llama.cpp has it, with 32-bit floats. */
export async function llamaAsGguf(folder: string): Promise<Model> {
  const json = (name: string) => JSON.parse(readFileSync(join(folder, name), 'utf8'));
  const config: Config = json('config.json');
  const { vocab, merges }: { vocab: Record<string, number>; merges: (string | [string, string])[] } = json('tokenizer.json').model;
  const checkpoint = await safetensors.open(openNodeStore(folder), 'model.safetensors');
  const weights = [...checkpoint.weights.values()].map((weight): Weight => {
    const id = nameOf(weight.id);
    const heads = id.includes('attn_q.') ? config.num_attention_heads : id.includes('attn_k.') ? config.num_key_value_heads : 0;
    return { ...weight, id, load: async () => turned(await weight.load(), heads) };
  });
  const tokens = Object.entries(vocab)
    .sort(([, a], [, b]) => a - b)
    .map(([token]) => token);
  const [int, float, text] = ['u32', 'f32', 'string'] as const;
  const facts: readonly [string, ValueType, Uint8Array][] = [
    ['general.architecture', text, encodeText('llama')],
    ['llama.block_count', int, u32(config.num_hidden_layers)],
    ['llama.context_length', int, u32(config.max_position_embeddings)],
    ['llama.embedding_length', int, u32(config.hidden_size)],
    ['llama.feed_forward_length', int, u32(config.intermediate_size)],
    ['llama.attention.head_count', int, u32(config.num_attention_heads)],
    ['llama.attention.head_count_kv', int, u32(config.num_key_value_heads)],
    ['llama.attention.layer_norm_rms_epsilon', float, f32(config.rms_norm_eps)],
    ['llama.rope.freq_base', float, f32(config.rope_theta)],
    ['llama.rope.dimension_count', int, u32(config.head_dim)],
    ['llama.vocab_size', int, u32(config.vocab_size)],
    ['tokenizer.ggml.model', text, encodeText('gpt2')],
    ['tokenizer.ggml.pre', text, encodeText('gpt-2')],
    ['tokenizer.ggml.tokens', 'array', arrayOf(8, tokens.map(encodeText))],
    [
      'tokenizer.ggml.token_type',
      'array',
      arrayOf(
        5,
        tokens.map((token) => u32(token.startsWith('<|') ? 3 : 1)),
      ),
    ],
    [
      'tokenizer.ggml.merges',
      'array',
      arrayOf(
        8,
        merges.map((pair) => encodeText(typeof pair === 'string' ? pair : pair.join(' '))),
      ),
    ],
    ['tokenizer.ggml.bos_token_id', int, u32(0)],
    ['tokenizer.ggml.eos_token_id', int, u32(0)],
    ['tokenizer.ggml.add_bos_token', 'bool', Uint8Array.of(0)],
  ];
  const metadata = new Map(facts.map(([key, type, bytes]) => [key, { type, text: key, range: rangeOver(bytes) }] as const));
  const format: GgufMeta = { parts: [{ version: 3, alignment: 32, metadata, weights: [] }] };
  return {
    format: 'gguf',
    meta: { properties: new Map(facts.map(([key]) => [key, key])), producer: '', format },
    weights: new Map(weights.map((weight) => [weight.id, weight])),
    execution: new Map(),
  };
}

function nameOf(id: string): string {
  if (id === 'model.embed_tokens.weight') return 'token_embd.weight';
  if (id === 'model.norm.weight') return 'output_norm.weight';
  const [, layer, part = ''] = /^model\.layers\.(\d+)\.(.*)\.weight$/.exec(id) ?? [];
  return `blk.${layer}.${NAMES[part]}.weight`;
}

/** llama.cpp turns neighbouring pairs of a head by their position, Hugging Face its halves: rows change places. */
function turned(tensor: Tensor, heads: number): Tensor {
  if (heads === 0 || tensor.kind !== 'dense') return tensor;
  const rows = tensor.shape[0] ?? 1;
  const rowBytes = tensor.bytes.length / rows;
  const head = rows / heads;
  const bytes = new Uint8Array(tensor.bytes.length);
  for (let row = 0; row < rows; row++) {
    const inHead = row % head;
    const from = row - inHead + (inHead % 2) * (head / 2) + (inHead >> 1);
    bytes.set(tensor.bytes.subarray(from * rowBytes, (from + 1) * rowBytes), row * rowBytes);
  }
  return { ...tensor, bytes };
}

function arrayOf(type: number, elements: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat([u32(type), u64(BigInt(elements.length)), ...elements]));
}

function f32(value: number): Uint8Array {
  return new Uint8Array(Float32Array.of(value).buffer);
}

function rangeOver(bytes: Uint8Array) {
  const source: Source = { name: 'metadata', size: bytes.length, read: async (offset, length) => bytes.slice(offset, offset + length) };
  return { source, offset: 0, length: bytes.length };
}
