import type { Fact, WeightRow } from './architecture.ts';

/** What decoders with grouped queries, rotary positions, RMSNorm and gated feed-forward networks have in common. */
export const DECODER_FACTS: readonly Fact[] = [
  { key: 'block_count', config: 'num_hidden_layers', type: 'u32' },
  { key: 'context_length', config: 'max_position_embeddings', type: 'u32' },
  { key: 'embedding_length', config: 'hidden_size', type: 'u32' },
  { key: 'feed_forward_length', config: 'intermediate_size', type: 'u32' },
  { key: 'attention.head_count', config: 'num_attention_heads', type: 'u32' },
  {
    key: 'attention.head_count_kv',
    config: 'num_key_value_heads',
    type: 'u32',
    otherwise: (facts) => facts.get('attention.head_count'),
  },
  { key: 'attention.layer_norm_rms_epsilon', config: 'rms_norm_eps', type: 'f32', otherwise: () => 1e-6 },
  { key: 'rope.freq_base', config: 'rope_theta', type: 'f32', otherwise: () => 10_000 },
];

/** The length of a head, where it is not the width divided by the heads, and where it is. */
export const HEAD_LENGTHS: readonly Fact[] = [
  { key: 'attention.key_length', config: 'head_dim', type: 'u32', otherwise: () => undefined },
  { key: 'attention.value_length', config: 'head_dim', type: 'u32', otherwise: () => undefined },
];

/** Code computes them by itself; old checkpoints have them all the same. */
export const DECODER_BUFFERS = /(^|\.)rotary_emb\.inv_freq$/;

export const DECODER_DEMANDS = { hidden_act: 'silu' } as const;

/** How many experts there are, how many of them a token takes, and how large they are. */
export const EXPERT_FACTS: readonly Fact[] = [
  { key: 'expert_count', config: 'num_experts', alias: 'num_local_experts', type: 'u32' },
  { key: 'expert_used_count', config: 'num_experts_per_tok', type: 'u32' },
  { key: 'expert_feed_forward_length', config: 'moe_intermediate_size', type: 'u32' },
];

/** Beside the layers. */
export const OUTER_WEIGHTS: readonly WeightRow[] = [
  { checkpoint: 'model.embed_tokens.weight', gguf: 'token_embd.weight', shape: ['vocabulary', 'width'] },
  { checkpoint: 'model.norm.weight', gguf: 'output_norm.weight', shape: ['width'] },
  { checkpoint: 'lm_head.weight', gguf: 'output.weight', shape: ['vocabulary', 'width'], isOptional: true },
];

/** One feed-forward network, whose values a gate multiplies. */
export const FEED_FORWARD: readonly WeightRow[] = [
  inLayer('mlp.gate_proj.weight', 'ffn_gate.weight', ['inner', 'width']),
  inLayer('mlp.up_proj.weight', 'ffn_up.weight', ['inner', 'width']),
  inLayer('mlp.down_proj.weight', 'ffn_down.weight', ['width', 'inner']),
];

/** Experts, and what tells which of them a token takes. @param names  of an expert's gate, values and outputs */
export function expertWeights(module: string, [gate, up, down]: readonly [string, string, string]): readonly WeightRow[] {
  const expert = (name: string) => `${module}.experts.{expert}.${name}.weight`;
  return [
    { ...inLayer(`${module}.gate.weight`, 'ffn_gate_inp.weight', ['experts', 'width']), isWide: true },
    inLayer(expert(gate), 'ffn_gate_exps.weight', ['expertInner', 'width']),
    inLayer(expert(up), 'ffn_up_exps.weight', ['expertInner', 'width']),
    inLayer(expert(down), 'ffn_down_exps.weight', ['width', 'expertInner']),
  ];
}

interface DecoderOptions {
  /** Whether llama.cpp has the rows of queries and keys in another order. */
  readonly isTurned: boolean;
  readonly feedForward?: readonly WeightRow[];
}

export function decoderWeights({ isTurned, feedForward = FEED_FORWARD }: DecoderOptions): readonly WeightRow[] {
  const [heads, keyHeads] = isTurned ? [{ turned: 'heads' } as const, { turned: 'keyHeads' } as const] : [{}, {}];
  return [
    ...OUTER_WEIGHTS,
    inLayer('input_layernorm.weight', 'attn_norm.weight', ['width']),
    { ...inLayer('self_attn.q_proj.weight', 'attn_q.weight', ['queries', 'width']), ...heads },
    { ...inLayer('self_attn.k_proj.weight', 'attn_k.weight', ['keys', 'width']), ...keyHeads },
    inLayer('self_attn.v_proj.weight', 'attn_v.weight', ['keys', 'width']),
    inLayer('self_attn.o_proj.weight', 'attn_output.weight', ['width', 'queries']),
    inLayer('post_attention_layernorm.weight', 'ffn_norm.weight', ['width']),
    ...feedForward,
  ];
}

export function inLayer(checkpoint: string, gguf: string, shape: WeightRow['shape']): WeightRow {
  return { checkpoint: `model.layers.{}.${checkpoint}`, gguf: `blk.{}.${gguf}`, shape };
}
