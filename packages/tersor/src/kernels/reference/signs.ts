import { fromHalf, halfBits } from '../../core/half.ts';
import { fromBfloat16, toBfloat16 } from './bfloat16.ts';

/** Floats of 4 bytes, or one of the two of 2. */
export const FLOATS = ['f32', 'f16', 'bf16'] as const;
export type Float = (typeof FLOATS)[number];

export function valuesOf(bytes: Uint8Array, type: Float): Float32Array {
  const { buffer } = bytes.slice();
  if (type === 'f32') return new Float32Array(buffer);
  return type === 'f16' ? fromHalf(new Uint16Array(buffer)) : fromBfloat16(new Uint16Array(buffer));
}

/** Sums of 32-bit floats, rounded to the type, as bits of it. */
export function bitsOf(sums: Float32Array, type: Float): Uint16Array | Uint32Array {
  if (type === 'f32') return new Uint32Array(sums.buffer, sums.byteOffset, sums.length);
  return type === 'f16' ? Uint16Array.from(sums, halfBits) : toBfloat16(sums);
}
