import { BITS } from '../core/dtype.ts';
import { TersorError } from '../core/error.ts';
import type { Layout } from '../core/layout.ts';
import type { Weight } from '../core/model.ts';
import type { DenseTensor, Tensor } from '../core/tensor.ts';

/** A matrix the other way round: as ONNX's MatMul takes it, or as PyTorch's linear layers keep it. */
export function transposed(weight: Weight): Weight {
  return {
    ...weight,
    shape: weight.shape.toReversed(),
    layout: layoutOf(weight.layout),
    load: async () => ofTensor(await weight.load(), weight.id),
  };
}

function layoutOf<T extends Layout>(layout: T): T {
  return layout.kind === 'affine' ? { ...layout, outputs: layout.outputs.map((axis) => 1 - axis) } : layout;
}

function ofTensor(tensor: Tensor, where: string): Tensor {
  const shape = tensor.shape.toReversed();
  switch (tensor.kind) {
    case 'dense':
      return { ...tensor, shape, bytes: ofDense(tensor, where) };
    case 'affine':
      return { ...tensor, shape, layout: layoutOf(tensor.layout) };
    default:
      throw new TersorError(
        'LAYOUT',
        where,
        `is stored as ${tensor.kind} values, which cannot be turned round`,
        'decode it first: --type F16',
      );
  }
}

const WORDS = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array, 8: BigUint64Array } as const;

function ofDense({ dtype, shape, bytes }: DenseTensor, where: string): Uint8Array {
  const [rows = 1, columns = 1] = shape;
  const size = BITS[dtype] / 8;
  if (size !== 1 && size !== 2 && size !== 4 && size !== 8)
    throw new TersorError('LAYOUT', where, `elements of type ${dtype} cannot be turned round`);
  const { buffer } = bytes.slice();
  const from = new WORDS[size](buffer);
  const to = new WORDS[size](from.length);
  // in squares, so that both sides stay in the cache
  const step = 64;
  for (let top = 0; top < rows; top += step) {
    for (let left = 0; left < columns; left += step) {
      const [bottom, right] = [Math.min(rows, top + step), Math.min(columns, left + step)];
      for (let row = top; row < bottom; row++)
        for (let column = left; column < right; column++) to[column * rows + row] = from[row * columns + column]!;
    }
  }
  return new Uint8Array(to.buffer);
}
