import type { Compensation, Grid } from '../../core/kernels.ts';
import { clamp, inverseOf, nearest } from './grid.ts';

const { fround } = Math;

/** Twin of assembly/compensate.ts. */
export function compensate(values: Float32Array, { rows, columns, block, bits, scales, zeros }: Grid, by: Compensation): Uint8Array {
  const { order, factor } = by;
  const blocks = Math.ceil(columns / block);
  const most = 2 ** bits - 1;
  const codes = new Uint8Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const left = values.slice(row * columns, (row + 1) * columns);
    for (let i = 0; i < columns; i++) {
      const column = order[i]!;
      const at = row * blocks + Math.floor(column / block);
      const scale = scales[at]!;
      const zero = zeros ? zeros[at]! : 2 ** (bits - 1);
      const value = left[column]!;
      const step = nearest(clamp(fround(value * inverseOf(scale)), -zero, most - zero));
      const error = fround(fround(value - fround(step * scale)) * fround(1 / factor[i * columns + i]!));
      codes[row * columns + column] = step + zero;
      for (let j = i + 1; j < columns; j++) {
        const other = order[j]!;
        left[other] = fround(left[other]! - fround(error * factor[i * columns + j]!));
      }
    }
  }
  return codes;
}
