import { BLOCK_TYPES, type BlockTypeId, type WritableBlock } from '../core/blocks/block-types.ts';
import type { Shape } from '../core/dtype.ts';
import type { WeightId } from '../core/graph.ts';
import type { BlockSearch } from '../core/kernels.ts';
import type { Model, Weight } from '../core/model.ts';

/** What a tensor of a GGUF file can be written as. */
export type TensorType = 'F32' | 'F16' | 'BF16' | WritableBlock;

/** A tensor and its place in a model, which decide what a mix makes of it. */
interface Place {
  readonly base: TensorType;
  readonly role: Role;
  /** From 0 on, of those with this role. */
  readonly index: number;
  readonly layers: number;
  readonly isFalcon: boolean;
  /** Heads that share keys and values. */
  readonly sharing: number;
  readonly experts: number;
  /** Whether importances of columns are known: then less is added to be safe. */
  readonly isWeighted: boolean;
}

type Role = 'output' | 'table' | 'value' | 'key' | 'query' | 'attention-output' | 'down' | 'gate' | 'up' | 'other';

interface Mix {
  /** llama.cpp's number of it, `general.file_type`. */
  readonly fileType: number;
  readonly base: TensorType;
  /** What gets another type; undefined: the base. */
  readonly other?: (place: Place) => TensorType | undefined;
}

/** First and last eighth of the layers, and every third between. */
function needsMore({ index, layers }: Place): boolean {
  const eighth = Math.trunc(layers / 8);
  return index < eighth || index >= Math.trunc((7 * layers) / 8) || (index - eighth) % 3 === 2;
}

const isEarly = ({ index, layers }: Place, part = 8) => index < Math.trunc(layers / part);

/**
 * The mixes of llama.cpp: a base type, and more bits where its authors measured that they matter.
 * Source: https://github.com/ggml-org/llama.cpp/blob/master/src/llama-quant.cpp
 */
const MIXES = {
  F32: { fileType: 0, base: 'F32' },
  F16: { fileType: 1, base: 'F16' },
  BF16: { fileType: 32, base: 'BF16' },
  Q8_0: { fileType: 7, base: 'Q8_0' },
  Q4_0: { fileType: 2, base: 'Q4_0', other: withMinimum('Q4_1') },
  Q4_1: { fileType: 3, base: 'Q4_1' },
  Q5_0: { fileType: 8, base: 'Q5_0', other: withMinimum('Q5_1') },
  Q5_1: { fileType: 9, base: 'Q5_1' },
  Q2_K: {
    fileType: 10,
    base: 'Q2_K',
    other: ({ role, sharing }) => {
      if (role === 'value') return sharing >= 4 ? 'Q4_K' : 'Q3_K';
      return role === 'down' || role === 'attention-output' ? 'Q3_K' : undefined;
    },
  },
  Q2_K_S: {
    fileType: 21,
    base: 'Q2_K',
    other: (place) => ((place.role === 'value' && place.sharing >= 4) || (place.role === 'down' && isEarly(place)) ? 'Q4_K' : undefined),
  },
  Q3_K_S: { fileType: 11, base: 'Q3_K' },
  Q3_K_M: {
    fileType: 12,
    base: 'Q3_K',
    other: (place) => {
      const { role, index, isFalcon } = place;
      if (role === 'value') return index < 2 ? 'Q5_K' : 'Q4_K';
      if (role === 'down') return isEarly(place, 16) ? 'Q5_K' : !isFalcon || needsMore(place) ? 'Q4_K' : undefined;
      return role === 'attention-output' && !isFalcon ? 'Q4_K' : undefined;
    },
  },
  Q3_K_L: {
    fileType: 13,
    base: 'Q3_K',
    other: ({ role, isFalcon }) => {
      if (role === 'value') return 'Q5_K';
      return role === 'down' || role === 'attention-output' ? (isFalcon ? 'Q4_K' : 'Q5_K') : undefined;
    },
  },
  Q4_K_S: {
    fileType: 14,
    base: 'Q4_K',
    other: (place) => {
      if (place.role === 'value') return place.index < 4 ? 'Q5_K' : undefined;
      return place.role === 'down' && !place.isFalcon && isEarly(place) ? 'Q5_K' : undefined;
    },
  },
  Q4_K_M: {
    fileType: 15,
    base: 'Q4_K',
    other: (place) => {
      if (place.role === 'down' && place.isFalcon) return isEarly(place, 16) ? 'Q6_K' : needsMore(place) ? 'Q5_K' : undefined;
      return (place.role === 'value' || place.role === 'down') && needsMore(place) ? 'Q6_K' : undefined;
    },
  },
  Q5_K_S: { fileType: 16, base: 'Q5_K' },
  Q5_K_M: {
    fileType: 17,
    base: 'Q5_K',
    other: (place) => ((place.role === 'value' || place.role === 'down') && needsMore(place) ? 'Q6_K' : undefined),
  },
  Q6_K: { fileType: 18, base: 'Q6_K' },
  IQ4_NL: { fileType: 25, base: 'IQ4_NL', other: inFourBits },
  IQ4_XS: { fileType: 30, base: 'IQ4_XS', other: inFourBits },
  IQ3_M: {
    fileType: 27,
    base: 'IQ3_S',
    other: (place) => {
      const { role, experts, isFalcon } = place;
      if (role === 'value') return 'Q4_K';
      if (role === 'down') return isEarly(place) || (experts === 8 && needsMore(place)) ? 'Q4_K' : undefined;
      return role === 'attention-output' && !isFalcon ? 'Q4_K' : undefined;
    },
  },
  IQ3_S: { fileType: 26, base: 'IQ3_S', other: forManyHeads },
  IQ3_XS: {
    fileType: 22,
    base: 'IQ3_S',
    other: (place) => {
      const { role, index, layers } = place;
      if (role === 'key' || role === 'query') return 'IQ3_XXS';
      const isInside = index >= Math.trunc(layers / 8) && index < Math.trunc((7 * layers) / 8);
      return role === 'gate' || role === 'up' ? (isInside ? 'IQ3_XXS' : undefined) : forManyHeads(place);
    },
  },
  IQ3_XXS: {
    fileType: 23,
    base: 'IQ3_XXS',
    other: (place) => {
      const { role, sharing, isWeighted, isFalcon } = place;
      if (role === 'value') return sharing >= 4 ? 'Q4_K' : isWeighted ? undefined : 'IQ3_S';
      if (role === 'key' || role === 'query') return 'IQ2_S';
      if (role === 'down' && !isWeighted) return isEarly(place) ? 'Q4_K' : 'Q3_K';
      return role === 'table' || (role === 'attention-output' && !isFalcon) ? 'IQ3_S' : undefined;
    },
  },
  IQ2_M: { fileType: 29, base: 'IQ2_S', other: (place) => inTwoBits(place, 'IQ3_S') },
  IQ2_S: { fileType: 28, base: 'IQ2_XS', other: (place) => inTwoBits(place, 'IQ3_S') },
  IQ2_XS: { fileType: 20, base: 'IQ2_XS', other: (place) => inTwoBits(place, 'Q2_K') },
  IQ2_XXS: { fileType: 19, base: 'IQ2_XXS', other: (place) => inTwoBits(place, 'Q2_K') },
  IQ1_M: { fileType: 31, base: 'IQ1_M', other: (place) => inTwoBits(place, 'Q2_K') },
  IQ1_S: { fileType: 24, base: 'IQ1_S', other: (place) => inTwoBits(place, 'Q2_K') },
  TQ1_0: { fileType: 36, base: 'TQ1_0' },
  TQ2_0: { fileType: 37, base: 'TQ2_0' },
  MXFP4_MOE: { fileType: 38, base: 'MXFP4' },
} as const satisfies Record<string, Mix>;

function inFourBits(place: Place): TensorType | undefined {
  return (place.role === 'value' && place.sharing >= 4) || (place.role === 'down' && isEarly(place) && !place.isWeighted)
    ? 'Q5_K'
    : undefined;
}

function forManyHeads({ role, sharing }: Place): TensorType | undefined {
  return role === 'value' && sharing >= 4 ? 'Q4_K' : undefined;
}

/** Below three bits: `more` for what needs it. */
function inTwoBits(place: Place, more: 'IQ3_S' | 'Q2_K'): TensorType | undefined {
  const { role, sharing, experts, base } = place;
  if (role === 'value') return sharing >= 4 || experts >= 4 ? 'Q4_K' : more;
  if (role === 'key' && experts === 8) return 'Q4_K';
  if (role === 'down') return isEarly(place) ? more : undefined;
  if (role === 'table') return more;
  if (role !== 'attention-output') return undefined;
  if (experts === 8) return 'Q5_K';
  return base.startsWith('IQ1') ? 'IQ2_XXS' : more === 'IQ3_S' ? more : undefined;
}

/** Around zero, and with weights: the first layers want a minimum. */
function withMinimum(type: TensorType): (place: Place) => TensorType | undefined {
  return (place) => (place.role === 'down' && isEarly(place) && place.isWeighted ? type : undefined);
}

export type MixId = keyof typeof MIXES;

export const MIX_IDS: readonly MixId[] = Object.keys(MIXES).filter(isMix);

function isMix(id: string): id is MixId {
  return Object.hasOwn(MIXES, id);
}

export function fileTypeOf(id: MixId): number {
  return MIXES[id].fileType;
}

/** What most weights become. */
export function baseOf(id: MixId): TensorType {
  return MIXES[id].base;
}

/** What a mix makes of every tensor that llama.cpp quantizes, whatever its rows. */
export function typesOfMix(id: MixId, { weights, meta: { properties } }: Model, isWeighted: boolean): ReadonlyMap<WeightId, TensorType> {
  const mix: Mix = MIXES[id];
  const architecture = properties.get('general.architecture') ?? '';
  const numberOf = (key: string, otherwise: number) => Number(properties.get(`${architecture}.${key}`)) || otherwise;
  const facts = {
    isWeighted,
    isFalcon: architecture === 'falcon',
    sharing: numberOf('attention.head_count', 1) / numberOf('attention.head_count_kv', numberOf('attention.head_count', 1)),
    experts: numberOf('expert_count', 0),
    isLarge: architecture === 'llama' && numberOf('block_count', 0) === 80,
  };
  const isTied = !weights.has('output.weight');
  const quantized = [...weights.values()].filter(isQuantized).sort((a, b) => layerOf(a.id) - layerOf(b.id) || (a.id < b.id ? -1 : 1));
  const seen = new Map<Role, number>();
  const values = quantized.filter((weight) => roleOf(weight.id) === 'value').length;
  return new Map(
    quantized.map((weight) => {
      const role = roleOf(weight.id);
      const count = seen.get(role) ?? 0;
      seen.set(role, count + 1);
      const layers = role === 'value' ? values : numberOf('block_count', quantized.length);
      const index = ['down', 'gate', 'up'].includes(role) && facts.experts > 1 ? layerOf(weight.id) : count;
      const isOutput = role === 'output' || (role === 'table' && isTied);
      return [
        weight.id,
        isOutput
          ? outputType(mix, weight, facts.isFalcon)
          : typeAt(mix, { base: mix.base, role, index, layers, ...facts }, weight, facts.isLarge),
      ];
    }),
  );
}

/** What logits are made with, and the table of tokens where it is that, too. */
function outputType({ base, fileType }: Mix, { shape }: Weight, isFalcon: boolean): TensorType {
  if (!isBlocks(base)) return base;
  const isWhole = (shape.at(-1) ?? 1) % BLOCK_TYPES[base].values === 0;
  if (fileType === MIXES.MXFP4_MOE.fileType || isFalcon || !isWhole) return 'Q8_0';
  if (INTO_FIVE.includes(fileType)) return 'Q5_K';
  return base === 'Q8_0' ? base : 'Q6_K';
}

function typeAt(mix: Mix, place: Place, { shape }: Weight, isLarge: boolean): TensorType {
  const { base, fileType, other } = mix;
  if (!isBlocks(base)) return base;
  if (fileType === MIXES.MXFP4_MOE.fileType) return shape.length > 2 && (shape.at(-3) ?? 1) > 1 ? 'MXFP4' : 'Q8_0';
  if (place.role === 'table') return base.startsWith('TQ') ? 'Q4_K' : base.startsWith('IQ') ? (other?.(place) ?? base) : base;
  const type = other?.(place) ?? base;
  if (BELOW_THREE.includes(fileType)) return type;
  if (place.experts === 8) {
    if (place.role === 'value' || place.role === 'key') return 'Q8_0';
    if (place.role === 'attention-output' && RAISED_FOR_EXPERTS.includes(fileType)) return 'Q5_K';
  }
  return isLarge && place.sharing > 1 && place.role === 'value' && (type === 'Q3_K' || type === 'Q4_K') ? 'Q5_K' : type;
}

/** Q2_K, Q3_K_S, Q3_K_M, Q4_K_S, Q4_K_M, IQ4_NL, IQ4_XS, IQ3_XS, IQ3_XXS, IQ3_S, IQ3_M. */
const RAISED_FOR_EXPERTS = [10, 11, 12, 14, 15, 25, 30, 22, 23, 26, 27];

/** IQ2_XXS, IQ2_XS, IQ2_S, IQ2_M, IQ1_S, IQ1_M. */
const BELOW_THREE = [19, 20, 28, 29, 24, 31];

/** Whose table of outputs gets Q5_K: these, and IQ3_XXS. */
const INTO_FIVE = [...BELOW_THREE, 23];

export function isBlocks(type: TensorType): type is WritableBlock {
  return type !== 'F32' && type !== 'F16' && type !== 'BF16';
}

function roleOf(id: WeightId): Role {
  if (id === 'output.weight') return 'output';
  if (id === 'token_embd.weight' || id === 'per_layer_token_embd.weight') return 'table';
  if (/attn_(qkv|kv_b|v)\.weight/.test(id)) return 'value';
  if (id.includes('attn_k.weight')) return 'key';
  if (id.includes('attn_output.weight')) return 'attention-output';
  if (id.includes('attn_q.weight')) return 'query';
  if (id.includes('ffn_gate')) return 'gate';
  if (id.includes('ffn_up')) return 'up';
  return id.includes('ffn_down') ? 'down' : 'other';
}

function layerOf(id: WeightId): number {
  return Number(/^blk\.(\d+)\./.exec(id)?.[1] ?? -1);
}

/** Small, and needed exactly. */
const KEPT = [
  '_norm.weight',
  'ffn_gate_inp.weight',
  'ffn_gate_tid2eid.weight',
  'altup',
  'laurel',
  'per_layer_model_proj',
  'ssm_conv1d',
  'shortconv.conv.weight',
  'indexer.k_proj.weight',
  'indexer.q_proj.weight',
  'time_mix_first.weight',
  'time_mix_lerp_fused.weight',
  'time_mix_decay_w',
  'attn_rel_b.weight',
  '.position_embd',
  'sam.pos_embd',
  'sam.neck.',
  'sam.net_',
  '.rel_pos',
  '.patch_embd',
  '.patch_merger',
  'a.rvq.codebook',
  'mm.a.code_embd',
];

function isQuantized({ id, shape, dtype }: Weight): boolean {
  if (dtype === 'string' || (!dtype.startsWith('f') && dtype !== 'bf16')) return false;
  if (axesOf(shape) < 2 || !id.endsWith('weight') || id === 'position_embd.weight' || id === 'token_types.weight') return false;
  return !KEPT.some((part) => id.includes(part)) && !/time_mix_[wvag][012]\.weight/.test(id);
}

/** ggml counts no outer axes of length 1. */
function axesOf(shape: Shape): number {
  const first = shape.findIndex((length) => length !== 1);
  return first === -1 ? 1 : shape.length - first;
}

/** llama.cpp's choice for rows that are not whole blocks. */
const LARGER: Partial<Record<BlockTypeId, WritableBlock>> = {
  IQ1_S: 'IQ4_NL',
  IQ1_M: 'IQ4_NL',
  IQ2_XXS: 'IQ4_NL',
  IQ2_XS: 'IQ4_NL',
  IQ2_S: 'IQ4_NL',
  IQ3_XXS: 'IQ4_NL',
  IQ3_S: 'IQ4_NL',
  IQ4_XS: 'IQ4_NL',
  Q2_K: 'Q4_0',
  Q3_K: 'Q4_0',
  TQ1_0: 'Q4_0',
  TQ2_0: 'Q4_0',
  Q4_K: 'Q5_0',
  Q5_K: 'Q5_1',
  Q6_K: 'Q8_0',
};

/**
 * Of as many bytes, with a smaller error. Of 4 and 5 bits there is none: IQ4_NL in place of Q5_0 took fewer bytes, and a Q4_K_M of rows of 576 values
 * predicted clearly worse than llama.cpp's file of that name.
 */
const BETTER: Partial<Record<BlockTypeId, WritableBlock>> = { ...LARGER, Q2_K: 'IQ4_NL', Q3_K: 'IQ4_NL', TQ1_0: 'IQ4_NL', TQ2_0: 'IQ4_NL' };

/** What takes the place of a type in rows that are not multiples of 256: whole blocks of 32 have one. */
export function typeForShortBlocks(type: WritableBlock, search: BlockSearch): WritableBlock | undefined {
  return (search === 'reference' ? LARGER : BETTER)[type];
}
