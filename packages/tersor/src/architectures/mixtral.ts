import type { Architecture } from './architecture.ts';
import { DECODER_BUFFERS, DECODER_DEMANDS, decoderWeights, EXPERT_FACTS, expertWeights } from './decoder.ts';
import { llama } from './llama.ts';

/**
 * Mixtral: Llama with experts. ggml calls it so, too.
 * Source: https://github.com/ggml-org/llama.cpp/blob/master/src/llama-arch.cpp and convert_hf_to_gguf.py
 */
export const mixtral: Architecture = {
  id: 'llama',
  hasExperts: true,
  models: [{ type: 'mixtral', class: 'MixtralForCausalLM' }],
  facts: [
    ...llama.facts,
    ...EXPERT_FACTS.slice(0, 2).map((fact) => (fact.key === 'expert_count' ? { ...fact, config: 'num_local_experts' } : fact)),
  ],
  weights: decoderWeights({ isTurned: true, feedForward: expertWeights('block_sparse_moe', ['w1', 'w3', 'w2']) }),
  unneeded: DECODER_BUFFERS,
  demands: DECODER_DEMANDS,
};
