import { BLOCK_TYPES } from '../core/blocks/block-types.ts';
import { TersorError } from '../core/error.ts';
import { halfBits } from '../core/half.ts';
import { matrixOf } from '../core/layout.ts';
import type { Weight } from '../core/model.ts';
import type { AffineTensor } from '../core/tensor.ts';

const { values: VALUES, bytes: BYTES } = BLOCK_TYPES.Q4_0;

/**
 * A weight of 4-bit codes around zero, with scales of 16 bits for runs of whole blocks of ggml, in such blocks: Q4_0 is the same grid, and nothing is rounded.
 * Undefined for other weights.
 */
export function inExactBlocks(weight: Weight): Weight | undefined {
  const { layout, shape, id } = weight;
  if (layout.kind !== 'affine' || layout.zero || layout.order || layout.numeric.id !== 'int4' || layout.scale.dtype !== 'f16')
    return undefined;
  const { columns, block } = matrixOf(layout, shape);
  if (layout.outputs.join() !== '0' || shape.length !== 2 || columns % VALUES !== 0 || block % VALUES !== 0) return undefined;
  return {
    id,
    shape,
    dtype: 'f32',
    layout: { kind: 'blocks', type: 'Q4_0' },
    async load() {
      const tensor = await weight.load();
      if (tensor.kind !== 'affine') throw new TersorError('INTERNAL', id, `was loaded as ${tensor.kind}`);
      return { kind: 'blocks', type: 'Q4_0', shape, bytes: packed(tensor) };
    },
  };
}

/** Codes of both have 8 for zero. */
function packed({ layout, shape, codes, scales }: AffineTensor): Uint8Array {
  const { rows, columns, block, blocks } = matrixOf(layout, shape);
  const bytes = new Uint8Array((codes.length / VALUES) * BYTES);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column += VALUES, at += BYTES) {
      view.setUint16(at, halfBits(scales[row * blocks + Math.floor(column / block)]!), true);
      const from = row * columns + column;
      for (let i = 0; i < VALUES / 2; i++) bytes[at + 2 + i] = codes[from + i]! | (codes[from + VALUES / 2 + i]! << 4);
    }
  }
  return bytes;
}
