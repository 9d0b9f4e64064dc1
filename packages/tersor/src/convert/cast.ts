import { decode, denseOf } from '../core/decode.ts';
import type { DType } from '../core/dtype.ts';
import { TersorError } from '../core/error.ts';
import type { Kernels } from '../core/kernels.ts';
import type { Weight } from '../core/model.ts';
import { changeRows } from '../core/rows.ts';

/** Types that a converted weight may have: --type. */
export const FLOAT_TYPES = { F32: 'f32', F16: 'f16', BF16: 'bf16' } as const satisfies Record<string, DType>;

export type FloatType = (typeof FLOAT_TYPES)[keyof typeof FLOAT_TYPES];

/** The weight with its values as floats, one after the other. It stays as it is where it is that already. */
export function cast(weight: Weight, dtype: FloatType, kernels: Kernels): Weight {
  const { layout, shape, id } = weight;
  if (layout.kind === 'dense' && layout.dtype === dtype) return weight;
  return {
    id,
    shape,
    dtype,
    layout: { kind: 'dense', dtype },
    load: changeRows(weight.load, async (tensor) => {
      const values = decode(tensor);
      if (dtype === 'f32') return denseOf(values, tensor.shape);
      const halves = dtype === 'f16' ? await kernels.toHalf(values) : await kernels.toBfloat16(values);
      if (dtype === 'f16') mustFit(values, halves, id);
      return { kind: 'dense', dtype, shape: tensor.shape, bytes: new Uint8Array(halves.buffer, halves.byteOffset, halves.byteLength) };
    }),
  };
}

/** @throws LAYOUT */
function mustFit(values: Float32Array, halves: Uint16Array, id: string): void {
  const at = halves.findIndex((half, i) => (half & 0x7fff) === 0x7c00 && Number.isFinite(values[i]));
  if (at === -1) return;
  throw new TersorError('LAYOUT', id, `holds ${values[at]}, which is too large for 16-bit floats`, 'take --type BF16 or F32');
}
