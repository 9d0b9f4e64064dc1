import type { Architecture, WeightRow } from './architecture.ts';

/**
 * GPT-2: its linear layers keep `[inputs, outputs]`, and queries, keys and values are one of them.
 * Source: https://github.com/ggml-org/llama.cpp/blob/master/src/llama-arch.cpp and convert_hf_to_gguf.py
 */
export const gpt2: Architecture = {
  id: 'gpt2',
  models: [{ type: 'gpt2', class: 'GPT2LMHeadModel' }],
  facts: [
    { key: 'block_count', config: 'n_layer', type: 'u32' },
    { key: 'context_length', config: 'n_positions', type: 'u32' },
    { key: 'embedding_length', config: 'n_embd', type: 'u32' },
    { key: 'feed_forward_length', config: 'n_inner', type: 'u32', otherwise: (facts) => 4 * (facts.get('embedding_length') ?? 0) },
    { key: 'attention.head_count', config: 'n_head', type: 'u32' },
    { key: 'attention.layer_norm_epsilon', config: 'layer_norm_epsilon', type: 'f32', otherwise: () => 1e-5 },
  ],
  weights: [
    { checkpoint: 'transformer.wte.weight', gguf: 'token_embd.weight', shape: ['vocabulary', 'width'] },
    { checkpoint: 'transformer.wpe.weight', gguf: 'position_embd.weight', shape: ['context', 'width'], isWide: true },
    ...norm('transformer.ln_f', 'output_norm'),
    { checkpoint: 'lm_head.weight', gguf: 'output.weight', shape: ['vocabulary', 'width'], isOptional: true },
    ...norm('transformer.h.{}.ln_1', 'blk.{}.attn_norm'),
    ...linear('attn.c_attn', 'attn_qkv', ['fused', 'width']),
    ...linear('attn.c_proj', 'attn_output', ['width', 'queries']),
    ...norm('transformer.h.{}.ln_2', 'blk.{}.ffn_norm'),
    ...linear('mlp.c_fc', 'ffn_up', ['inner', 'width']),
    ...linear('mlp.c_proj', 'ffn_down', ['width', 'inner']),
  ],
  unneeded: /(^|\.)attn\.(bias|masked_bias)$/,
  demands: {
    activation_function: 'gelu_new',
    add_cross_attention: false,
    scale_attn_weights: true,
    scale_attn_by_inverse_layer_idx: false,
  },
};

function norm(checkpoint: string, gguf: string): WeightRow[] {
  return ['weight', 'bias'].map((end) => ({ checkpoint: `${checkpoint}.${end}`, gguf: `${gguf}.${end}`, shape: ['width'] }));
}

function linear(checkpoint: string, gguf: string, shape: WeightRow['shape']): WeightRow[] {
  const names = (end: string) => ({ checkpoint: `transformer.h.{}.${checkpoint}.${end}`, gguf: `blk.{}.${gguf}.${end}` });
  return [
    { ...names('weight'), shape, isTransposed: true },
    { ...names('bias'), shape: shape.slice(0, 1) },
  ];
}
