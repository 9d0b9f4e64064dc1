import type { Architecture, Config, WeightRow } from './architecture.ts';
import { DECODER_BUFFERS, FEED_FORWARD } from './decoder.ts';
import { GEMMA_ATTENTION, GEMMA_DEMANDS, GEMMA_FACTS, GEMMA_OUTER, gemmaNorm } from './gemma.ts';

/** Norms before and after attention and feed-forward network. */
export const GEMMA_2_LAYER: readonly WeightRow[] = [
  gemmaNorm('input_layernorm', 'attn_norm'),
  ...GEMMA_ATTENTION,
  gemmaNorm('post_attention_layernorm', 'post_attention_norm'),
  gemmaNorm('pre_feedforward_layernorm', 'ffn_norm'),
  ...FEED_FORWARD,
  gemmaNorm('post_feedforward_layernorm', 'post_ffw_norm'),
];

/** Of every `period` layers the last sees all positions. */
export function layerTypes({ num_hidden_layers: layers }: Config, period: number): readonly string[] {
  return Array.from({ length: Number(layers) || 0 }, (_, i) => ((i + 1) % period === 0 ? 'full_attention' : 'sliding_attention'));
}

/** What llama.cpp divides products of queries and keys by the root of; models of so many layers are the largest of their family. */
export function queryScalar(config: Config, layersOfLargest: number): unknown {
  const { num_hidden_layers: layers, hidden_size: width, num_attention_heads: heads, head_dim: head = 256 } = config;
  return layers === layersOfLargest ? Number(width) / Number(heads) : head;
}

/**
 * Gemma 2: every other layer sees the last positions alone, and logits are squeezed.
 * Source: https://github.com/ggml-org/llama.cpp/blob/master/src/llama-arch.cpp and convert_hf_to_gguf.py
 */
export const gemma2: Architecture = {
  id: 'gemma2',
  models: [{ type: 'gemma2', class: 'Gemma2ForCausalLM' }],
  facts: [
    ...GEMMA_FACTS,
    { key: 'attention.sliding_window', config: 'sliding_window', type: 'u32', otherwise: () => 4096 },
    { key: 'attn_logit_softcapping', config: 'attn_logit_softcapping', type: 'f32', otherwise: () => 50 },
    { key: 'final_logit_softcapping', config: 'final_logit_softcapping', type: 'f32', otherwise: () => 30 },
  ],
  weights: [...GEMMA_OUTER, ...GEMMA_2_LAYER],
  unneeded: DECODER_BUFFERS,
  demands: {
    ...GEMMA_DEMANDS,
    layer_types: (config: Config) => layerTypes(config, 2),
    query_pre_attn_scalar: (config: Config) => queryScalar(config, 46),
  },
};
