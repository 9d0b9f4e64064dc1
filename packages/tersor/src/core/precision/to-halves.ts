import type { Shape } from '../dtype.ts';
import { TersorError } from '../error.ts';
import type { Kernels } from '../kernels.ts';
import type { DenseTensor } from '../tensor.ts';
import type { Narrow } from './ranges.ts';

/** Bits of an infinite value, without its sign. */
const INFINITE = { f16: 0x7c00, bf16: 0x7f80 } as const;

interface About {
  /** Of the weight. */
  readonly id: string;
  /** What to do where it cannot be. */
  readonly hint: string;
}

/** Values as 16-bit floats. @throws LAYOUT when a finite one would become infinite */
export async function toHalves(
  values: Float32Array,
  dtype: Narrow,
  shape: Shape,
  { id, hint }: About,
  kernels: Kernels,
): Promise<DenseTensor> {
  const halves = dtype === 'f16' ? await kernels.toHalf(values) : await kernels.toBfloat16(values);
  const at = halves.findIndex((half, i) => (half & 0x7fff) === INFINITE[dtype] && Number.isFinite(values[i]));
  if (at !== -1) throw new TersorError('LAYOUT', id, `holds ${values[at]}, which is too large for ${dtype}`, hint);
  return { kind: 'dense', dtype, shape, bytes: new Uint8Array(halves.buffer, halves.byteOffset, halves.byteLength) };
}
