import { elementsOf } from '../core/dtype.ts';
import { TersorError } from '../core/error.ts';
import type { Weight } from '../core/model.ts';
import type { Tensor } from '../core/tensor.ts';

/**
 * A weight with the rows of each head in llama.cpp's order, or back in PyTorch's. llama.cpp turns neighbouring pairs of a head by their position, PyTorch's code
 * the first half of it with the second: row 2i of the one is row i of the other, and row 2i + 1 is row i + n / 2.
 * @throws SHAPE where the rows are not those of so many heads
 */
export function turned(weight: Weight, heads: number, direction: 'to-gguf' | 'to-checkpoint'): Weight {
  const rows = weight.shape[0] ?? 1;
  const length = rows / heads;
  if (length % 2 !== 0)
    throw new TersorError('SHAPE', weight.id, `[${weight.shape}] are not the rows of ${heads} heads`, 'convert it again');
  const order = new Uint32Array(rows);
  for (let row = 0; row < rows; row++) {
    const inHead = row % length;
    const from = row - inHead + (inHead % 2) * (length / 2) + Math.floor(inHead / 2);
    if (direction === 'to-gguf') order[row] = from;
    else order[from] = row;
  }
  return { ...weight, load: async () => withRows(await weight.load(), order, weight.id) };
}

/** Row `i` of the result is row `order[i]`. @throws LAYOUT for what does not store rows one after the other */
function withRows(tensor: Tensor, order: Uint32Array, where: string): Tensor {
  const rows = order.length;
  switch (tensor.kind) {
    case 'dense':
    case 'blocks':
      return { ...tensor, bytes: reordered(tensor.bytes, order) };
    case 'affine': {
      const { layout, codes, scales, zeros, shape } = tensor;
      if (layout.outputs.join() !== '0' || elementsOf(shape) % rows !== 0) break;
      return {
        ...tensor,
        codes: reordered(codes, order),
        scales: reordered(scales, order),
        ...(zeros && { zeros: reordered(zeros, order) }),
      };
    }
  }
  throw new TersorError(
    'LAYOUT',
    where,
    `is stored as ${tensor.kind} values, whose rows cannot change places`,
    'decode it first: --type F16',
  );
}

function reordered<T extends Uint8Array | Float32Array>(values: T, order: Uint32Array): T {
  const result = values.slice() as T;
  const row = values.length / order.length;
  order.forEach((from, to) => {
    result.set(values.subarray(from * row, (from + 1) * row), to * row);
  });
  return result;
}
