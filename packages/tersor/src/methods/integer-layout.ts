import type { DType } from '../core/dtype.ts';
import type { Layer } from '../core/layers.ts';
import type { AffineLayout } from '../core/layout.ts';
import { int } from '../numeric/int.ts';

const ZERO_TYPES = { 8: 'u8', 4: 'u4', 2: 'u2' } as const satisfies Record<number, DType>;

/** A layer's weight as integers. A block as long as its rows, or longer, is one scale a row. */
export function integerLayout(
  { outputAxes, inputs }: Pick<Layer, 'outputAxes' | 'inputs'>,
  {
    bits,
    block,
    symmetric,
    scale,
  }: {
    readonly bits: keyof typeof ZERO_TYPES;
    readonly block: number | 'row';
    readonly symmetric: boolean;
    readonly scale: 'f16' | 'f32';
  },
): AffineLayout {
  return {
    kind: 'affine',
    numeric: int(bits),
    outputs: outputAxes,
    block: block === 'row' || block >= inputs ? 'row' : block,
    scale: { kind: 'dense', dtype: scale },
    ...(!symmetric && { zero: { kind: 'dense', dtype: ZERO_TYPES[bits] } }),
  };
}
