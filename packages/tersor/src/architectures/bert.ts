import { type Architecture, TOKEN_KINDS, type WeightRow } from './architecture.ts';

/**
 * BERT and what computes as it does, for embeddings: MiniLM, BGE, E5.
 * Source: https://github.com/ggml-org/llama.cpp/blob/master/src/llama-arch.cpp and convert_hf_to_gguf.py
 */
export const bert: Architecture = {
  id: 'bert',
  models: [{ type: 'bert', class: 'BertModel' }],
  facts: [
    { key: 'block_count', config: 'num_hidden_layers', type: 'u32' },
    { key: 'context_length', config: 'max_position_embeddings', type: 'u32' },
    { key: 'embedding_length', config: 'hidden_size', type: 'u32' },
    { key: 'feed_forward_length', config: 'intermediate_size', type: 'u32' },
    { key: 'attention.head_count', config: 'num_attention_heads', type: 'u32' },
    { key: 'attention.layer_norm_epsilon', config: 'layer_norm_eps', type: 'f32', otherwise: () => 1e-12 },
    { key: TOKEN_KINDS, config: 'type_vocab_size', type: 'u32', otherwise: () => 1 },
  ],
  constants: { 'attention.causal': false },
  weights: [
    { checkpoint: 'embeddings.word_embeddings.weight', gguf: 'token_embd.weight', shape: ['vocabulary', 'width'] },
    { checkpoint: 'embeddings.position_embeddings.weight', gguf: 'position_embd.weight', shape: ['context', 'width'], isWide: true },
    { checkpoint: 'embeddings.token_type_embeddings.weight', gguf: 'token_types.weight', shape: ['kinds', 'width'], isWide: true },
    ...both('embeddings.LayerNorm', 'token_embd_norm', ['width']),
    ...inLayer('attention.self.query', 'attn_q', ['queries', 'width']),
    ...inLayer('attention.self.key', 'attn_k', ['queries', 'width']),
    ...inLayer('attention.self.value', 'attn_v', ['queries', 'width']),
    ...inLayer('attention.output.dense', 'attn_output', ['width', 'queries']),
    ...inLayer('attention.output.LayerNorm', 'attn_output_norm', ['width']),
    ...inLayer('intermediate.dense', 'ffn_up', ['inner', 'width']),
    ...inLayer('output.dense', 'ffn_down', ['width', 'inner']),
    ...inLayer('output.LayerNorm', 'layer_output_norm', ['width']),
  ],
  unneeded: /(^|\.)(pooler|cls)\.|(^|\.)position_ids$/,
  demands: { hidden_act: 'gelu', position_embedding_type: 'absolute' },
};

/** Weight and bias, which has an element for every output. */
function both(checkpoint: string, gguf: string, shape: WeightRow['shape']): WeightRow[] {
  return [
    { checkpoint: `${checkpoint}.weight`, gguf: `${gguf}.weight`, shape },
    { checkpoint: `${checkpoint}.bias`, gguf: `${gguf}.bias`, shape: shape.slice(0, 1) },
  ];
}

function inLayer(checkpoint: string, gguf: string, shape: WeightRow['shape']): WeightRow[] {
  return both(`encoder.layer.{}.${checkpoint}`, `blk.{}.${gguf}`, shape);
}
