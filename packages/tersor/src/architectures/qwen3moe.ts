import type { Architecture } from './architecture.ts';
import { DECODER_BUFFERS, DECODER_DEMANDS, DECODER_FACTS, decoderWeights, EXPERT_FACTS, expertWeights, HEAD_LENGTHS } from './decoder.ts';
import { QUERY_NORMS } from './qwen3.ts';

/**
 * Qwen3-MoE: Qwen3 with experts.
 * Source: https://github.com/ggml-org/llama.cpp/blob/master/src/llama-arch.cpp and convert_hf_to_gguf.py
 */
export const qwen3moe: Architecture = {
  id: 'qwen3moe',
  models: [{ type: 'qwen3_moe', class: 'Qwen3MoeForCausalLM' }],
  facts: [...DECODER_FACTS, ...HEAD_LENGTHS, ...EXPERT_FACTS],
  weights: [
    ...decoderWeights({ isTurned: false, feedForward: expertWeights('mlp', ['gate_proj', 'up_proj', 'down_proj']) }),
    ...QUERY_NORMS,
  ],
  unneeded: DECODER_BUFFERS,
  demands: {
    ...DECODER_DEMANDS,
    use_sliding_window: false,
    attention_bias: false,
    decoder_sparse_step: 1,
    mlp_only_layers: [],
    norm_topk_prob: true,
  },
};
