import { decode } from '../decode.ts';
import type { DType } from '../dtype.ts';
import type { Kernels } from '../kernels.ts';
import type { Weight } from '../model.ts';
import { changeRows } from '../rows.ts';
import { LARGEST, type Narrow, SMALLEST } from './ranges.ts';

export interface NarrowOptions {
  readonly type: Narrow;
  /** The type its consumers compute with afterwards. */
  readonly dtype: DType;
  /** Values that would become zero become the smallest magnitude instead. */
  readonly floor: boolean;
  /** Finite values that would become infinite become the largest magnitude instead. */
  readonly clamp: boolean;
}

/** The weight stored densely in 16 bits. Infinities and NaN stay what they are. Nothing is loaded before the new weight is. */
export function narrow(weight: Weight, kernels: Kernels, { type, dtype, floor, clamp }: NarrowOptions): Weight {
  const load = changeRows(weight.load, async (tensor) => {
    const exact = decode(tensor);
    const values = floor || clamp ? exact.map((value) => bounded(value, type, floor, clamp)) : exact;
    const bits = type === 'f16' ? await kernels.toHalf(values) : await kernels.toBfloat16(values);
    return { kind: 'dense', dtype: type, shape: tensor.shape, bytes: new Uint8Array(bits.buffer, bits.byteOffset, bits.byteLength) };
  });
  return { ...weight, dtype, layout: { kind: 'dense', dtype: type }, load };
}

/** A value as `narrow` would round it, before rounding. */
export function bounded(value: number, type: Narrow, floor: boolean, clamp: boolean): number {
  const magnitude = Math.abs(value);
  if (floor && magnitude > 0 && magnitude < SMALLEST[type]) return Math.sign(value) * SMALLEST[type];
  if (clamp && magnitude > LARGEST[type] && Number.isFinite(value)) return Math.sign(value) * LARGEST[type];
  return value;
}
