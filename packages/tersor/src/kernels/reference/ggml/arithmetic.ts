import { halfBits, halfValue } from '../../../core/half.ts';

/** What ggml takes for a block of zeros. */
export const NOTHING = Math.fround(1e-15);

const FLOAT = new Float32Array(1);
const BITS = new Uint32Array(FLOAT.buffer);

/** ggml's nearest_int: ties to even, and wrapping beyond 2^22. */
export function nearestInt(value: number): number {
  FLOAT[0] = value + 12582912;
  return (BITS[0]! & 0x7fffff) - 0x400000;
}

/** The nearest integer, brought into a range. */
export function codeOf(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, nearestInt(value)));
}

/** Half away from zero, as C's roundf. */
export function roundAway(value: number): number {
  return Math.sign(value) * Math.round(Math.abs(value));
}

/** The first value of largest magnitude, with its sign. */
export function extremeOf(values: Float32Array): number {
  let extreme = 0;
  for (const value of values) if (Math.abs(value) > Math.abs(extreme)) extreme = value;
  return extreme;
}

/** Writes a half; returns the value that it then has. */
export function putHalf(out: Uint8Array, at: number, value: number): number {
  const bits = halfBits(value);
  out[at] = bits & 255;
  out[at + 1] = bits >> 8;
  return halfValue(bits);
}

/** Runs `encode` over blocks, each with its values, its bytes, which are zero, and where they are known the importances of its columns, and its row. */
export function eachBlock(
  values: Float32Array,
  block: { readonly values: number; readonly bytes: number },
  importance: Float32Array | undefined,
  encode: (values: Float32Array, out: Uint8Array, importance: Float32Array | undefined, row: number) => void,
): Uint8Array {
  const count = values.length / block.values;
  const bytes = new Uint8Array(count * block.bytes);
  for (let i = 0; i < count; i++) {
    const from = i * block.values;
    const columns = importance?.length ?? values.length;
    const column = from % columns;
    encode(
      values.subarray(from, from + block.values),
      bytes.subarray(i * block.bytes, (i + 1) * block.bytes),
      importance?.subarray(column, column + block.values),
      Math.floor(from / columns),
    );
  }
  return bytes;
}

/** Runs of `size` neighbours. */
export function partsOf(block: Float32Array, size: number): Float32Array[] {
  return Array.from({ length: block.length / size }, (_, j) => block.subarray(j * size, (j + 1) * size));
}

/** Codes of 4 bits, 32 of them in 16 bytes: see `nibbleOf`. */
export function putNibbles(out: Uint8Array, at: number, codes: ArrayLike<number>): void {
  for (let i = 0; i < 16; i++) out[at + i] = (codes[i]! & 15) | ((codes[i + 16]! & 15) << 4);
}

/** 256 codes of 2 bits, in ggml's arrangement: see `twoBitsOf`. */
export function putTwoBits(out: Uint8Array, at: number, codes: ArrayLike<number>): void {
  for (let i = 0; i < 256; i++) out[at + (i >> 7) * 32 + (i & 31)]! |= (codes[i]! & 3) << (((i >> 5) & 3) * 2);
}
