import { decode } from '../decode.ts';
import { elementsOf } from '../dtype.ts';
import type { WeightId } from '../graph.ts';
import { halfBits } from '../half.ts';
import type { Weight } from '../model.ts';
import { loadDense } from './lazy-weights.ts';

/** Types that a factor can be worked into. */
export type Scalable = 'f32' | 'f64' | 'f16';

/** A factor for the elements at `[a, b, ...]` of a weight. */
export type FactorAt = (a: number, b: number) => number;

/** The weight with every element multiplied in double precision when it is pulled. The weight is dense and of a `Scalable` type. */
export function scaleWeight(weight: Weight, factorAt: FactorAt): Weight {
  return changeWeight(weight, (values) =>
    eachPair(weight, (a, b, start, end) => {
      const factor = factorAt(a, b);
      for (let i = start; i < end; i++) values[i] = values[i]! * factor;
    }),
  );
}

/** The weight with values that `change` changes in place, in double precision where the weight has it, when it is pulled. The same holds for it. */
export function changeWeight(weight: Weight, change: (values: Float64Array | Float32Array) => void | Promise<void>): Weight {
  return {
    ...weight,
    load: async () => {
      const tensor = await loadDense(weight);
      const values = doubles(tensor);
      await change(values);
      return { ...tensor, bytes: encode(values, tensor.dtype === 'f16') };
    },
  };
}

/** A vector as a weight; the values are computed when it is pulled. */
export function vectorWeight(id: WeightId, dtype: Scalable, length: number, values: () => Promise<Float64Array>): Weight {
  return {
    id,
    dtype,
    shape: [length],
    layout: { kind: 'dense', dtype },
    load: async () => {
      const exact = await values();
      const bytes = encode(dtype === 'f64' ? exact : Float32Array.from(exact), dtype === 'f16');
      return { kind: 'dense', dtype, shape: [length], bytes };
    },
  };
}

/** For every `[a]`: the sum over `[b, ...]` of the elements times a factor. */
export async function weightedSums(weight: Weight, factorAt: FactorAt): Promise<Float64Array> {
  const values = doubles(await loadDense(weight));
  const sums = new Float64Array(weight.shape[0] ?? 1);
  eachPair(weight, (a, b, start, end) => {
    const factor = factorAt(a, b);
    for (let i = start; i < end; i++) sums[a] = sums[a]! + values[i]! * factor;
  });
  return sums;
}

function eachPair({ shape }: Weight, visit: (a: number, b: number, start: number, end: number) => void): void {
  const [rows = 1, columns = 1] = shape;
  const run = elementsOf(shape.slice(2));
  for (let a = 0; a < rows; a++) {
    for (let b = 0; b < columns; b++) {
      const start = (a * columns + b) * run;
      visit(a, b, start, start + run);
    }
  }
}

/** A copy of the values that may be changed; single precision is enough where the weight has no more. */
function doubles(tensor: Awaited<ReturnType<typeof loadDense>>): Float64Array | Float32Array {
  if (tensor.dtype === 'f64') return new Float64Array(tensor.bytes.slice().buffer);
  return decode(tensor).slice();
}

function encode(values: Float64Array | Float32Array, half: boolean): Uint8Array {
  const stored = half ? Uint16Array.from(values, halfBits) : values;
  return new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
}
