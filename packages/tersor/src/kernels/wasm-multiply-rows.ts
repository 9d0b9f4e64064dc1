import type { Loops } from './loops.ts';
import type { Instances } from './memory.ts';
import { unwritten } from './unwritten.ts';

/** Rows of A that go through the memory together, as the kernel has it. */
const TILE_ROWS = 64;
/** Rows of B that the kernel takes together. */
const STRIP = 8;

/** Twin of reference/multiply-rows.ts. Rows and columns that are not there are zeros. */
export function wasmMultiplyRows(instances: Instances): Pick<Loops, 'multiplyRows'> {
  return {
    multiplyRows(a, b, columns) {
      const [rows, others] = [a.length / columns, b.length / columns];
      const [wide, tall] = [roundUp(columns, 4), roundUp(others, STRIP)];
      const tile = Math.min(TILE_ROWS, roundUp(rows, 4));
      const product = new Float32Array(unwritten(4 * rows * others));
      instances.use([4 * Math.max(tile, STRIP) * wide, 4 * tall * wide, 4 * tile * tall], ({ call, bytes }, from, strips, to) => {
        const floats = new Float32Array(bytes.buffer);
        const copyRows = (matrix: Float32Array, first: number, count: number, padded: number) => {
          if (count < padded || columns < wide) floats.fill(0, from / 4, from / 4 + padded * wide);
          for (let row = 0; row < count; row++)
            floats.set(matrix.subarray((first + row) * columns, (first + row + 1) * columns), from / 4 + row * wide);
        };
        for (let other = 0; other < others; other += STRIP) {
          copyRows(b, other, Math.min(STRIP, others - other), STRIP);
          call('transpose4', from, STRIP, wide, strips + 4 * other * wide);
        }
        for (let row = 0; row < rows; row += tile) {
          const count = Math.min(tile, rows - row);
          copyRows(a, row, count, roundUp(count, 4));
          call('multiplyRows', from, roundUp(count, 4), wide, strips, tall, to);
          for (let i = 0; i < count; i++) product.set(floats.subarray(to / 4 + i * tall, to / 4 + i * tall + others), (row + i) * others);
        }
      });
      return product;
    },
  };
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
