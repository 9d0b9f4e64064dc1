import type { Architecture } from './architecture.ts';
import { DECODER_BUFFERS, DECODER_DEMANDS, DECODER_FACTS, decoderWeights, HEAD_LENGTHS, inLayer } from './decoder.ts';

/**
 * Llama and what computes as it does: Mistral, SmolLM2, TinyLlama.
 * Source: https://github.com/ggml-org/llama.cpp/blob/master/src/llama-arch.cpp and convert_hf_to_gguf.py
 */
export const llama: Architecture = {
  id: 'llama',
  models: [
    { type: 'llama', class: 'LlamaForCausalLM' },
    { type: 'mistral', class: 'MistralForCausalLM' },
  ],
  facts: [
    ...DECODER_FACTS,
    ...HEAD_LENGTHS,
    {
      key: 'rope.dimension_count',
      config: 'head_dim',
      type: 'u32',
      otherwise: (facts) => (facts.get('embedding_length') ?? 0) / (facts.get('attention.head_count') ?? 1),
    },
    { key: 'vocab_size', config: 'vocab_size', type: 'u32' },
  ],
  weights: [
    ...decoderWeights({ isTurned: true }),
    { ...inLayer('self_attn.q_proj.bias', 'attn_q.bias', ['queries']), isOptional: true, turned: 'heads' },
    { ...inLayer('self_attn.k_proj.bias', 'attn_k.bias', ['keys']), isOptional: true, turned: 'keyHeads' },
    { ...inLayer('self_attn.v_proj.bias', 'attn_v.bias', ['keys']), isOptional: true },
    { ...inLayer('self_attn.o_proj.bias', 'attn_output.bias', ['width']), isOptional: true },
    { ...inLayer('mlp.gate_proj.bias', 'ffn_gate.bias', ['inner']), isOptional: true },
    { ...inLayer('mlp.up_proj.bias', 'ffn_up.bias', ['inner']), isOptional: true },
    { ...inLayer('mlp.down_proj.bias', 'ffn_down.bias', ['width']), isOptional: true },
  ],
  unneeded: DECODER_BUFFERS,
  demands: DECODER_DEMANDS,
};
