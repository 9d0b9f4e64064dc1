import { decode } from '../decode.ts';
import type { DType, Shape } from '../dtype.ts';
import type { Weight } from '../model.ts';
import type { Range } from '../observation.ts';
import { STEPS } from './fit-range.ts';

/** Codes of 8 bits stand for `(code - zero) * scale`. */
export interface Grid {
  readonly scale: number;
  readonly zero: number;
}

export type CodeType = 'u8' | 'i8';

/** The least code of a type. */
const LEAST: Readonly<Record<CodeType, number>> = { u8: 0, i8: -128 };

/** The grid over a range that holds zero, which has a code of its own. */
export function gridOver({ min, max }: Range, type: CodeType): Grid {
  const scale = Math.fround((max - min) / STEPS) || Math.fround(1 / STEPS);
  const zero = LEAST[type] + Math.min(STEPS, Math.max(0, Math.round(-min / scale)));
  return { scale, zero };
}

/** The grid of constants; of a single number, or many that are equal, one that holds it exactly. */
export function gridOf(values: Float32Array, type: CodeType): Grid {
  let [min, max] = [0, 0];
  for (const value of values) [min, max] = [Math.min(min, value), Math.max(max, value)];
  return gridOver({ min, max }, type);
}

export function codesOn({ scale, zero }: Grid, values: Float32Array, type: CodeType): Uint8Array {
  return Uint8Array.from(values, (value) => Math.min(LEAST[type] + STEPS, Math.max(LEAST[type], Math.round(value / scale) + zero)) & 0xff);
}

/** A weight whose values are computed when it is written. @param from  a weight that is read for it */
export function computed(
  id: string,
  dtype: DType,
  shape: Shape,
  bytes: () => Promise<ArrayBufferView> | ArrayBufferView,
  from?: Weight,
): Weight {
  return {
    id,
    dtype,
    shape,
    layout: { kind: 'dense', dtype },
    ...(from && { reads: from.reads ?? 0 }),
    load: async () => {
      const view = await bytes();
      return { kind: 'dense', dtype, shape, bytes: new Uint8Array(view.buffer, view.byteOffset, view.byteLength) };
    },
  };
}

export async function floatsOf(weight: Weight): Promise<Float32Array> {
  return decode(await weight.load());
}
