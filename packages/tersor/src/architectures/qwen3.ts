import type { Architecture, WeightRow } from './architecture.ts';
import { DECODER_BUFFERS, DECODER_DEMANDS, DECODER_FACTS, decoderWeights, HEAD_LENGTHS, inLayer } from './decoder.ts';

/** Norms of queries and of keys. */
export const QUERY_NORMS: readonly WeightRow[] = [
  inLayer('self_attn.q_norm.weight', 'attn_q_norm.weight', ['head']),
  inLayer('self_attn.k_norm.weight', 'attn_k_norm.weight', ['head']),
];

/**
 * Qwen3: queries and keys are normalized, head by head.
 * Source: https://github.com/ggml-org/llama.cpp/blob/master/src/llama-arch.cpp and convert_hf_to_gguf.py
 */
export const qwen3: Architecture = {
  id: 'qwen3',
  models: [{ type: 'qwen3', class: 'Qwen3ForCausalLM' }],
  facts: [...DECODER_FACTS, ...HEAD_LENGTHS],
  weights: [...decoderWeights({ isTurned: false }), ...QUERY_NORMS],
  unneeded: DECODER_BUFFERS,
  demands: { ...DECODER_DEMANDS, use_sliding_window: false, attention_bias: false },
};
