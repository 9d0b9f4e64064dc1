import type { Architecture, Config } from './architecture.ts';
import { DECODER_BUFFERS, inLayer } from './decoder.ts';
import { GEMMA_DEMANDS, GEMMA_FACTS, GEMMA_OUTER } from './gemma.ts';
import { GEMMA_2_LAYER, layerTypes, queryScalar } from './gemma2.ts';

/** How fast positions turn in layers that see the last ones alone: llama.cpp knows no other. */
const LOCAL_BASE = 10_000;

/**
 * Gemma 3, for text: every sixth layer sees all positions; queries and keys are normalized, head by head.
 * Source: https://github.com/ggml-org/llama.cpp/blob/master/src/llama-arch.cpp and convert_hf_to_gguf.py
 */
export const gemma3: Architecture = {
  id: 'gemma3',
  models: [{ type: 'gemma3_text', class: 'Gemma3ForCausalLM' }],
  facts: [
    ...GEMMA_FACTS.map((fact) => (fact.key === 'rope.freq_base' ? { ...fact, otherwise: () => 1_000_000 } : fact)),
    { key: 'attention.sliding_window', config: 'sliding_window', type: 'u32', otherwise: () => 4096 },
  ],
  weights: [
    ...GEMMA_OUTER,
    ...GEMMA_2_LAYER,
    { ...inLayer('self_attn.q_norm.weight', 'attn_q_norm.weight', ['head']), offset: 1 },
    { ...inLayer('self_attn.k_norm.weight', 'attn_k_norm.weight', ['head']), offset: 1 },
  ],
  unneeded: DECODER_BUFFERS,
  demands: {
    ...GEMMA_DEMANDS,
    layer_types: (config: Config) => layerTypes(config, 6),
    sliding_window_pattern: 6,
    query_pre_attn_scalar: (config: Config) => queryScalar(config, 62),
    rope_local_base_freq: LOCAL_BASE,
    use_bidirectional_attention: false,
  },
};
