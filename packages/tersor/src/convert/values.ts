import { decode, denseOf } from '../core/decode.ts';
import type { Shape } from '../core/dtype.ts';
import type { Weight } from '../core/model.ts';
import { changeRows } from '../core/rows.ts';
import type { Tensor } from '../core/tensor.ts';

/** The values of a weight as 32-bit floats, whatever they are stored as. */
export function floats(weight: Weight): Weight {
  return weight.layout.kind === 'dense' && weight.layout.dtype === 'f32' ? weight : plus(weight, 0);
}

/** The same, every one of them larger by `offset`. */
export function plus(weight: Weight, offset: number): Weight {
  const change = async (tensor: Tensor) =>
    denseOf(
      Float32Array.from(decode(tensor), (value) => value + offset),
      tensor.shape,
    );
  return { ...weight, dtype: 'f32', layout: { kind: 'dense', dtype: 'f32' }, load: changeRows(weight.load, change) };
}

/** The same values in another shape, of rows as long. */
export function reshaped(weight: Weight, shape: Shape): Weight {
  const { load } = weight;
  const whole = async () => ({ ...(await load()), shape });
  return { ...weight, shape, load: load.rows ? Object.assign(whole, { rows: load.rows }) : whole };
}
