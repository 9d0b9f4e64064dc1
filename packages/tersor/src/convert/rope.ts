import { TersorError } from '../core/error.ts';
import type { Entry } from '../formats/gguf/metadata.ts';
import { scalar } from '../formats/gguf/values.ts';
import { type Fields, isFields } from '../formats/json-file.ts';

/** How positions beyond those of the training are told apart: `rope_scaling` of config.json. */
interface Rope {
  readonly type: 'linear' | 'yarn' | 'llama3';
  readonly factor: number;
  /** Positions of the training. */
  readonly original: number;
  readonly low: number;
  readonly high: number;
}

/** @throws FILE_UNSUPPORTED for ways that llama.cpp has no equal of, FILE_CORRUPT */
export function ropeOf({ rope_scaling: said }: Fields): Rope | undefined {
  if (said === null || said === undefined) return undefined;
  if (!isFields(said)) throw new TersorError('FILE_CORRUPT', 'config.json', 'rope_scaling is no object');
  const type = said.rope_type ?? said.type ?? 'default';
  if (type === 'default') return undefined;
  const number = (key: string, otherwise: number): number => {
    const value = said[key] ?? otherwise;
    if (typeof value === 'number' && value > 0 && Number.isFinite(value)) return value;
    throw new TersorError(
      'FILE_CORRUPT',
      'config.json',
      `${key} of rope_scaling is ${JSON.stringify(value)?.slice(0, 40)}`,
      'it is above 0',
    );
  };
  if (type !== 'linear' && type !== 'yarn' && type !== 'llama3') {
    throw new TersorError(
      'FILE_UNSUPPORTED',
      'config.json',
      `scales positions by ${JSON.stringify(type)?.slice(0, 40)}`,
      'known are linear, yarn, llama3',
    );
  }
  return {
    type,
    factor: number('factor', Number.NaN),
    original: type === 'linear' ? 0 : number('original_max_position_embeddings', Number.NaN),
    low: number('low_freq_factor', 1),
    high: number('high_freq_factor', 4),
  };
}

/** Keys behind the architecture's name. */
export function ropeEntries(rope: Rope | undefined): readonly (readonly [string, Entry])[] {
  if (!rope || rope.type === 'llama3') return [];
  return [
    ['rope.scaling.type', scalar('string', rope.type)],
    ['rope.scaling.factor', scalar('f32', rope.factor)],
    ...(rope.type === 'yarn' ? [['rope.scaling.original_context_length', scalar('u32', rope.original)] as const] : []),
  ];
}

/**
 * What Llama 3.1 divides frequencies by: nothing where waves are short, the factor where they are long, and something in between elsewhere.
 * Source: https://github.com/huggingface/transformers/blob/main/src/transformers/modeling_rope_utils.py, llama3
 * @returns [head / 2]
 */
export function frequencyFactors({ factor, original, low, high }: Omit<Rope, 'type'>, head: number, base: number): Float32Array {
  return Float32Array.from({ length: Math.floor(head / 2) }, (_, i) => {
    const wave = 2 * Math.PI * base ** ((2 * i) / head);
    if (wave < original / high) return 1;
    if (wave > original / low) return factor;
    const smooth = (original / wave - low) / (high - low);
    return 1 / ((1 - smooth) / factor + smooth);
  });
}
