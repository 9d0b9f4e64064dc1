import { decode } from '../decode.ts';
import { BITS, type DType, elementsOf, type Shape } from '../dtype.ts';
import { TersorError } from '../error.ts';
import { eachPosition, isWhole, type View } from '../evaluate-small/view.ts';
import type { WeightId } from '../graph.ts';
import { halfBits } from '../half.ts';
import type { Weight } from '../model.ts';
import type { DenseTensor } from '../tensor.ts';
import { readsOf } from './scope.ts';

/** Whether a weight's elements can be moved around as whole bytes: stored plainly, in the type it is used as. */
export function isMovable(weight: Weight): weight is Weight & { readonly dtype: DType } {
  const { layout, dtype } = weight;
  return layout.kind === 'dense' && dtype !== 'string' && layout.dtype === dtype && BITS[dtype] % 8 === 0;
}

/** Elements of `weight` in a new shape, moved when they are pulled. */
export function viewWeight(weight: Weight, view: View, id: WeightId): Weight {
  return {
    ...weight,
    id,
    shape: view.shape,
    reads: readsOf(weight),
    load: async () => {
      const tensor = await loadDense(weight);
      if (isWhole(view, weight.shape)) return { ...tensor, shape: view.shape };
      const size = BITS[tensor.dtype] / 8;
      const bytes = new Uint8Array(elementsOf(view.shape) * size);
      eachPosition(view, (from, to) => {
        for (let i = 0; i < size; i++) bytes[to * size + i] = tensor.bytes[from * size + i]!;
      });
      return { ...tensor, shape: view.shape, bytes };
    },
  };
}

/** Weights of one type behind each other along an axis. */
export function concatWeights(weights: readonly Weight[], axis: number, shape: Shape, id: WeightId, like: Weight): Weight {
  return {
    ...like,
    id,
    shape,
    reads: weights.reduce((sum, weight) => sum + readsOf(weight), 0),
    load: async () => {
      const { dtype } = await loadDense(like);
      const size = BITS[dtype] / 8;
      const bytes = new Uint8Array(elementsOf(shape) * size);
      const outer = elementsOf(shape.slice(0, axis));
      const row = elementsOf(shape.slice(axis)) * size;
      let start = 0;
      for (const weight of weights) {
        const part = await loadDense(weight);
        const run = elementsOf(weight.shape.slice(axis)) * size;
        for (let i = 0; i < outer; i++) bytes.set(part.bytes.subarray(i * run, (i + 1) * run), i * row + start);
        start += run;
      }
      return { kind: 'dense', dtype, shape, bytes };
    },
  };
}

/** A float weight rounded to a smaller float type when it is pulled; undefined for other types. */
export function narrowWeight(weight: Weight, to: DType | undefined, id: WeightId): Weight | undefined {
  const { dtype } = weight;
  if (!(dtype === 'f32' && to === 'f16') && !(dtype === 'f64' && to === 'f32')) return undefined;
  return {
    ...weight,
    id,
    dtype: to,
    layout: { kind: 'dense', dtype: to },
    reads: readsOf(weight),
    load: async () => {
      const values = decode(await weight.load());
      const narrow = to === 'f16' ? Uint16Array.from(values, halfBits) : values;
      return { kind: 'dense', dtype: to, shape: weight.shape, bytes: new Uint8Array(narrow.buffer, narrow.byteOffset, narrow.byteLength) };
    },
  };
}

/** The values of a weight that is stored plainly. */
export async function loadDense(weight: Weight): Promise<DenseTensor> {
  const tensor = await weight.load();
  if (tensor.kind === 'dense') return tensor;
  throw new TersorError('INTERNAL', weight.id, `planned as dense, but loads as ${tensor.kind}`);
}
