import type { Architecture } from './architecture.ts';
import { DECODER_BUFFERS, DECODER_DEMANDS, DECODER_FACTS, decoderWeights, EXPERT_FACTS, expertWeights, inLayer } from './decoder.ts';
import { QUERY_BIASES } from './qwen2.ts';

const shared = (name: string) => `mlp.shared_expert.${name}.weight`;

/**
 * Qwen1.5-MoE and Qwen2-MoE: experts, and one besides that every token takes.
 * Source: https://github.com/ggml-org/llama.cpp/blob/master/src/llama-arch.cpp and convert_hf_to_gguf.py
 */
export const qwen2moe: Architecture = {
  id: 'qwen2moe',
  models: [{ type: 'qwen2_moe', class: 'Qwen2MoeForCausalLM' }],
  facts: [
    ...DECODER_FACTS,
    ...EXPERT_FACTS,
    { key: 'expert_shared_feed_forward_length', config: 'shared_expert_intermediate_size', type: 'u32' },
  ],
  weights: [
    ...decoderWeights({
      isTurned: false,
      feedForward: [
        ...expertWeights('mlp', ['gate_proj', 'up_proj', 'down_proj']),
        { ...inLayer('mlp.shared_expert_gate.weight', 'ffn_gate_inp_shexp.weight', [1, 'width']), isWide: true },
        inLayer(shared('gate_proj'), 'ffn_gate_shexp.weight', ['sharedInner', 'width']),
        inLayer(shared('up_proj'), 'ffn_up_shexp.weight', ['sharedInner', 'width']),
        inLayer(shared('down_proj'), 'ffn_down_shexp.weight', ['width', 'sharedInner']),
      ],
    }),
    ...QUERY_BIASES,
  ],
  unneeded: DECODER_BUFFERS,
  demands: { ...DECODER_DEMANDS, use_sliding_window: false, decoder_sparse_step: 1, mlp_only_layers: [], norm_topk_prob: false },
};
