import { TersorError } from '../core/error.ts';
import type { Load, Weight } from '../core/model.ts';
import type { Tensor } from '../core/tensor.ts';

type LoadRows = NonNullable<Load['rows']>;

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
  const { load, shape, id } = weight;
  const whole = async () => withRows(await load(), order, id);
  return {
    ...weight,
    load: load.rows && shape.length === 2 ? Object.assign(whole, { rows: byHeads(load.rows, order, length, id) }) : whole,
  };
}

/** Some rows, of the heads that they are in. */
function byHeads(load: LoadRows, order: Uint32Array, length: number, where: string): LoadRows {
  return async (start, end) => {
    const first = Math.floor(start / length) * length;
    const heads = await load(first, Math.ceil(end / length) * length);
    const rows = withRows(
      heads,
      order.subarray(start, end).map((row) => row - first),
      where,
    );
    return { ...rows, shape: [end - start, ...heads.shape.slice(1)] };
  };
}

/** Row `i` of the result is row `order[i]`. @throws LAYOUT for what does not store rows one after the other */
function withRows(tensor: Tensor, order: Uint32Array, where: string): Tensor {
  const rows = tensor.shape[0] ?? 1;
  switch (tensor.kind) {
    case 'dense':
    case 'blocks':
      return { ...tensor, bytes: reordered(tensor.bytes, rows, order) };
    case 'affine': {
      const { layout, codes, scales, zeros } = tensor;
      if (layout.outputs.join() !== '0') break;
      return {
        ...tensor,
        codes: reordered(codes, rows, order),
        scales: reordered(scales, rows, order),
        ...(zeros && { zeros: reordered(zeros, rows, order) }),
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

function reordered<T extends Uint8Array | Float32Array>(values: T, rows: number, order: Uint32Array): T {
  const row = values.length / rows;
  const result = values.slice(0, order.length * row) as T;
  order.forEach((from, to) => {
    result.set(values.subarray(from * row, (from + 1) * row), to * row);
  });
  return result;
}
