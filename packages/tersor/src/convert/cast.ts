import { decode, denseOf } from '../core/decode.ts';
import type { DType } from '../core/dtype.ts';
import type { Kernels } from '../core/kernels.ts';
import type { Weight } from '../core/model.ts';
import { toHalves } from '../core/precision/to-halves.ts';
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
      return toHalves(values, dtype, tensor.shape, { id, hint: `take --type ${dtype === 'f16' ? 'BF16 or F32' : 'F32'}` }, kernels);
    }),
  };
}
