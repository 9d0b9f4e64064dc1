import type { BlockSpec, QuantizedBlocks } from '../../core/kernels.ts';

/** `(code - zero) * scale`, rounded once to f32. */
export function dequantize({ codes, scales, zeros, bits }: QuantizedBlocks, { rows, columns, block }: BlockSpec): Float32Array {
  const blocks = Math.ceil(columns / block);
  const values = new Float32Array(codes.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const b = row * blocks + Math.floor(column / block);
      const i = row * columns + column;
      values[i] = (codes[i]! - (zeros?.[b] ?? 2 ** (bits - 1))) * scales[b]!;
    }
  }
  return values;
}
