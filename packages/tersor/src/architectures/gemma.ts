import type { Architecture, Fact, WeightRow } from './architecture.ts';
import { DECODER_BUFFERS, DECODER_FACTS, FEED_FORWARD, inLayer, OUTER_WEIGHTS } from './decoder.ts';

/** Heads of Gemma are longer than the width tells. */
export const GEMMA_FACTS: readonly Fact[] = [
  ...DECODER_FACTS,
  { key: 'attention.key_length', config: 'head_dim', type: 'u32', otherwise: () => 256 },
  { key: 'attention.value_length', config: 'head_dim', type: 'u32', otherwise: () => 256 },
];

export const GEMMA_DEMANDS = { hidden_activation: 'gelu_pytorch_tanh', attention_bias: false } as const;

/** A norm multiplies by its weight plus one: GGUF has the sum. */
export function gemmaNorm(checkpoint: string, gguf: string, shape: WeightRow['shape'] = ['width']): WeightRow {
  return { ...inLayer(`${checkpoint}.weight`, `${gguf}.weight`, shape), offset: 1 };
}

export const GEMMA_ATTENTION: readonly WeightRow[] = [
  inLayer('self_attn.q_proj.weight', 'attn_q.weight', ['queries', 'width']),
  inLayer('self_attn.k_proj.weight', 'attn_k.weight', ['keys', 'width']),
  inLayer('self_attn.v_proj.weight', 'attn_v.weight', ['keys', 'width']),
  inLayer('self_attn.o_proj.weight', 'attn_output.weight', ['width', 'queries']),
];

export const GEMMA_OUTER: readonly WeightRow[] = OUTER_WEIGHTS.map((row) =>
  row.gguf === 'output_norm.weight' ? { ...row, offset: 1 } : row,
);

/**
 * Gemma.
 * Source: https://github.com/ggml-org/llama.cpp/blob/master/src/llama-arch.cpp and convert_hf_to_gguf.py
 */
export const gemma: Architecture = {
  id: 'gemma',
  models: [{ type: 'gemma', class: 'GemmaForCausalLM' }],
  facts: GEMMA_FACTS,
  weights: [
    ...GEMMA_OUTER,
    gemmaNorm('input_layernorm', 'attn_norm'),
    ...GEMMA_ATTENTION,
    gemmaNorm('post_attention_layernorm', 'ffn_norm'),
    ...FEED_FORWARD,
  ],
  unneeded: DECODER_BUFFERS,
  demands: GEMMA_DEMANDS,
};
