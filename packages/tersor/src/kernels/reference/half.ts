import { halfBits, halfValue } from '../../core/half.ts';

/** IEEE binary16 bits, ties to even; from 65520 on infinity. */
export function toHalf(values: Float32Array, unit = 1): Uint16Array {
  return Uint16Array.from(values, (value) => halfBits(Math.fround(value / unit)));
}

export function fromHalf(bits: Uint16Array): Float32Array {
  return Float32Array.from(bits, halfValue);
}
