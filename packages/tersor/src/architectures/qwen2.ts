import type { Architecture, WeightRow } from './architecture.ts';
import { DECODER_BUFFERS, DECODER_DEMANDS, DECODER_FACTS, decoderWeights, inLayer } from './decoder.ts';

export const QUERY_BIASES: readonly WeightRow[] = [
  inLayer('self_attn.q_proj.bias', 'attn_q.bias', ['queries']),
  inLayer('self_attn.k_proj.bias', 'attn_k.bias', ['keys']),
  inLayer('self_attn.v_proj.bias', 'attn_v.bias', ['keys']),
];

/**
 * Qwen2 and Qwen2.5: as Llama, with biases of queries, keys and values.
 * Source: https://github.com/ggml-org/llama.cpp/blob/master/src/llama-arch.cpp and convert_hf_to_gguf.py
 */
export const qwen2: Architecture = {
  id: 'qwen2',
  models: [{ type: 'qwen2', class: 'Qwen2ForCausalLM' }],
  facts: DECODER_FACTS,
  weights: [...decoderWeights({ isTurned: false }), ...QUERY_BIASES],
  unneeded: DECODER_BUFFERS,
  demands: { ...DECODER_DEMANDS, use_sliding_window: false },
};
