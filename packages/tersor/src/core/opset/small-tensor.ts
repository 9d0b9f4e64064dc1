import type { DType } from '../dtype.ts';
import { halfBits } from '../half.ts';
import type { DenseTensor } from '../tensor.ts';

/** A small tensor of some numbers. Integers up to 2^53 are exact. */
export function smallTensor(dtype: DType, shape: readonly number[], values: readonly number[]): DenseTensor {
  const bytes = new Uint8Array(bufferOf(dtype, values));
  return { kind: 'dense', dtype, shape, bytes };
}

function bufferOf(dtype: DType, values: readonly number[]): ArrayBuffer {
  switch (dtype) {
    case 'i64':
      return BigInt64Array.from(values, BigInt).buffer;
    case 'f64':
      return Float64Array.from(values).buffer;
    case 'f16':
      return Uint16Array.from(values, halfBits).buffer;
    default:
      return Float32Array.from(values).buffer;
  }
}
