import type { Architecture } from '../architectures/architecture.ts';
import { TersorError } from '../core/error.ts';
import type { Entry } from '../formats/gguf/metadata.ts';
import { scalar } from '../formats/gguf/values.ts';
import { type Fields, isFields } from '../formats/json-file.ts';

/** How positions beyond those of the training are told apart: `rope_scaling` of config.json. */
interface Rope {
  readonly type: 'linear' | 'yarn' | 'llama3' | 'longrope';
  readonly factor: number;
  /** Positions of the training. */
  readonly original: number;
  readonly low: number;
  readonly high: number;
  /** What frequencies are divided by in texts longer than those of the training, and in others. */
  readonly long: Float32Array;
  readonly short: Float32Array;
}

/** @throws FILE_UNSUPPORTED for ways that llama.cpp has no equal of, FILE_CORRUPT */
export function ropeOf(config: Fields, { hasLongRope }: Pick<Architecture, 'hasLongRope'>): Rope | undefined {
  const { rope_scaling: said, max_position_embeddings: longest } = config;
  if (said === null || said === undefined) return undefined;
  if (!isFields(said)) throw new TersorError('FILE_CORRUPT', 'config.json', 'rope_scaling is no object');
  const type = said.rope_type ?? said.type ?? 'default';
  if (type === 'default') return undefined;
  const number = (key: string, otherwise: number): number => {
    const value = said[key] ?? config[key] ?? otherwise;
    if (typeof value === 'number' && value > 0 && Number.isFinite(value)) return value;
    const what = Number.isNaN(value) ? 'is missing' : `is ${JSON.stringify(value)?.slice(0, 40)}`;
    throw new TersorError('FILE_CORRUPT', 'config.json', `${key} of rope_scaling ${what}`, 'it is a number above 0');
  };
  if (hasLongRope && (type === 'su' || type === 'longrope')) {
    const original = number('original_max_position_embeddings', Number.NaN);
    const factor = typeof longest === 'number' ? longest / original : 1;
    return {
      type: 'longrope',
      original,
      factor: number('factor', factor),
      low: 1,
      high: 1,
      long: listOf(said, 'long_factor'),
      short: listOf(said, 'short_factor'),
    };
  }
  if (type !== 'linear' && type !== 'yarn' && type !== 'llama3') {
    throw new TersorError(
      'FILE_UNSUPPORTED',
      'config.json',
      `scales positions by ${JSON.stringify(type)?.slice(0, 40)}`,
      `known are linear, yarn, llama3${hasLongRope ? ', longrope' : ''}`,
    );
  }
  return {
    type,
    factor: number('factor', Number.NaN),
    original: type === 'linear' ? 0 : number('original_max_position_embeddings', Number.NaN),
    low: number('low_freq_factor', 1),
    high: number('high_freq_factor', 4),
    long: NONE,
    short: NONE,
  };
}

const NONE = new Float32Array(0);

/** @throws FILE_CORRUPT */
function listOf(said: Fields, key: string): Float32Array {
  const list = said[key];
  if (Array.isArray(list) && list.length > 0 && list.every((value) => typeof value === 'number' && value > 0))
    return Float32Array.from(list);
  throw new TersorError('FILE_CORRUPT', 'config.json', `${key} of rope_scaling is no list of numbers above 0`);
}

/** Keys behind the architecture's name. */
export function ropeEntries(rope: Rope | undefined): readonly (readonly [string, Entry])[] {
  if (!rope || rope.type === 'llama3') return [];
  const original = ['rope.scaling.original_context_length', scalar('u32', rope.original)] as const;
  if (rope.type === 'longrope') return [original, ['rope.scaling.attn_factor', scalar('f32', attentionFactor(rope))]];
  return [
    ['rope.scaling.type', scalar('string', rope.type)],
    ['rope.scaling.factor', scalar('f32', rope.factor)],
    ...(rope.type === 'yarn' ? [original] : []),
  ];
}

/** What products of queries and keys are multiplied by, so that they stay as sharp. Source: LongRoPE, https://arxiv.org/abs/2402.13753 */
function attentionFactor({ factor, original }: Rope): number {
  return factor > 1 ? Math.sqrt(1 + Math.log(factor) / Math.log(original)) : 1;
}

/**
 * What Llama 3.1 divides frequencies by: nothing where waves are short, the factor where they are long, and something in between elsewhere.
 * Source: https://github.com/huggingface/transformers/blob/main/src/transformers/modeling_rope_utils.py, llama3
 * @returns [head / 2]
 */
export function frequencyFactors(
  { factor, original, low, high }: Omit<Rope, 'type' | 'long' | 'short'>,
  head: number,
  base: number,
): Float32Array {
  return Float32Array.from({ length: Math.floor(head / 2) }, (_, i) => {
    const wave = 2 * Math.PI * base ** ((2 * i) / head);
    if (wave < original / high) return 1;
    if (wave > original / low) return factor;
    const smooth = (original / wave - low) / (high - low);
    return 1 / ((1 - smooth) / factor + smooth);
  });
}
