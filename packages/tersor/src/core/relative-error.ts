import { decode } from './decode.ts';
import { TersorError } from './error.ts';
import { matrixOf } from './layout.ts';
import { inputAxes, offsets } from './matrix.ts';
import type { AffineTensor, Tensor } from './tensor.ts';

/**
 * Relative RMS error of a weight, |a - b| / |a| in the Frobenius norm: 0 when both are the same.
 * @returns undefined where it has no meaning: `a` is all zeros and `b` is not, values are infinite, or a type has no values to compute with
 */
export function relativeError(a: Tensor, b: Tensor): number | undefined {
  return a.shape.join() === b.shape.join() ? errorOf([errorSums(a, b)]) : undefined;
}

/** Of squares. */
export interface ErrorSums {
  readonly difference: number;
  readonly norm: number;
}

/** What `errorOf` makes the error of; undefined where it has no meaning. */
export function errorSums(a: Tensor, b: Tensor): ErrorSums | undefined {
  const values = valuesOf(a);
  return values && (b.kind === 'affine' && !b.order && !b.layout.numeric.values ? sumsOfCodes(values, b) : sumsOf(values, valuesOf(b)));
}

/** See `relativeError`. @param parts  of all parts of a weight */
export function errorOf(parts: readonly (ErrorSums | undefined)[]): number | undefined {
  let [difference, norm] = [0, 0];
  for (const part of parts) {
    if (!part) return undefined;
    difference += part.difference;
    norm += part.norm;
  }
  if (difference === 0) return 0;
  const error = Math.sqrt(difference / norm);
  return Number.isFinite(error) ? error : undefined;
}

/** Undefined for types that have no values to compute with. */
export function valuesOf(tensor: Tensor): Float32Array | undefined {
  try {
    return decode(tensor);
  } catch (error) {
    if (error instanceof TersorError && error.code === 'LAYOUT') return undefined;
    throw error;
  }
}

function sumsOf(a: Float32Array, b: Float32Array | undefined): ErrorSums | undefined {
  if (!b) return undefined;
  let [difference, norm] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    norm += a[i]! ** 2;
  }
  return { difference, norm };
}

/** As `sumsOf(values, decode(tensor))`, without a decoded copy of the weight. */
function sumsOfCodes(values: Float32Array, { shape, layout, codes, scales, zeros }: AffineTensor): ErrorSums {
  const { rows, columns, block, blocks } = matrixOf(layout, shape);
  const rowStarts = offsets(shape, layout.outputs);
  const steps = offsets(shape, inputAxes(shape, layout.outputs));
  let [difference, norm] = [0, 0];
  for (let row = 0; row < rows; row++) {
    const start = rowStarts[row]!;
    for (let b = 0; b < blocks; b++) {
      const scale = scales[row * blocks + b]!;
      const zero = zeros ? zeros[row * blocks + b]! : -layout.numeric.lo;
      const end = Math.min(columns, (b + 1) * block);
      for (let column = b * block; column < end; column++) {
        const value = values[start + steps[column]!]!;
        difference += (value - Math.fround((codes[row * columns + column]! - zero) * scale)) ** 2;
        norm += value * value;
      }
    }
  }
  return { difference, norm };
}
