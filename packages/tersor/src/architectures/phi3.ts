import type { Architecture, Facts } from './architecture.ts';
import { DECODER_BUFFERS, DECODER_DEMANDS, DECODER_FACTS, inLayer, OUTER_WEIGHTS } from './decoder.ts';

/** Of a head that turns as a whole. */
const headOf = (facts: Facts) => (facts.get('embedding_length') ?? 0) / (facts.get('attention.head_count') ?? 1);

/**
 * Phi-3, Phi-3.5 and Phi-4: queries, keys and values are one weight, and so are the gate and what it multiplies.
 * Source: https://github.com/ggml-org/llama.cpp/blob/master/src/llama-arch.cpp and convert_hf_to_gguf.py
 */
export const phi3: Architecture = {
  id: 'phi3',
  hasLongRope: true,
  models: [{ type: 'phi3', class: 'Phi3ForCausalLM' }],
  facts: [
    ...DECODER_FACTS,
    { key: 'rope.dimension_count', config: 'partial_rotary_factor', type: 'u32', otherwise: headOf, unit: headOf },
    {
      key: 'rope.scaling.original_context_length',
      config: 'original_max_position_embeddings',
      type: 'u32',
      otherwise: (facts) => facts.get('context_length'),
    },
    { key: 'attention.sliding_window', config: 'sliding_window', type: 'u32', otherwise: () => 0 },
  ],
  weights: [
    ...OUTER_WEIGHTS,
    inLayer('input_layernorm.weight', 'attn_norm.weight', ['width']),
    inLayer('self_attn.qkv_proj.weight', 'attn_qkv.weight', ['fused', 'width']),
    inLayer('self_attn.o_proj.weight', 'attn_output.weight', ['width', 'queries']),
    inLayer('post_attention_layernorm.weight', 'ffn_norm.weight', ['width']),
    inLayer('mlp.gate_up_proj.weight', 'ffn_up.weight', ['gated', 'width']),
    inLayer('mlp.down_proj.weight', 'ffn_down.weight', ['width', 'inner']),
  ],
  unneeded: DECODER_BUFFERS,
  demands: DECODER_DEMANDS,
};
