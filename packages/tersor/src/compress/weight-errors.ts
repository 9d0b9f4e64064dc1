import type { WeightId } from '../core/graph.ts';
import { type Load, type Model, mapWeights, type Weight } from '../core/model.ts';
import { type ErrorSums, errorOf, errorSums, relativeError } from '../core/relative-error.ts';
import { rowsOf } from '../core/rows.ts';

/** Finds out how far weights that are stored in another layout are from what they were, while they are being written. */
export interface WeightErrors {
  /** Of every weight that was loaded: see `WeightReport.error`. */
  readonly found: ReadonlyMap<WeightId, number>;
  /** The model `after` a step, where weights whose layout the step changed note their error when they are loaded. Nothing is kept of them. */
  watch(before: Model, after: Model): Model;
}

export function watchErrors(): WeightErrors {
  const found = new Map<WeightId, number>();
  const originals = new Map<WeightId, Weight>();
  return {
    found,
    watch: (before, after) =>
      mapWeights(after, (weight) => {
        const was = before.weights.get(weight.id);
        if (!was || was.dtype === 'string' || isSame(was, weight)) return undefined;
        // what counts is the first layout, whatever a later step makes of the second
        const original = originals.get(weight.id) ?? was;
        originals.set(weight.id, original);
        return { ...weight, load: noting(weight, original, found) };
      }),
  };
}

/** Nothing was done to the weight, or it is another one now. */
function isSame(a: Weight, b: Weight): boolean {
  const isStoredAlike = JSON.stringify(a.layout) === JSON.stringify(b.layout) && a.original === b.original;
  return isStoredAlike || a.shape.join() !== b.shape.join();
}

/** Loads the weight, whole or in pieces, and knows its error when all of it was there. */
function noting({ id, shape, load }: Weight, original: Weight, found: Map<WeightId, number>): Load {
  const note = (error: number | undefined) => error !== undefined && found.set(id, error);
  const whole = async () => {
    const tensor = await load();
    note(relativeError(await original.load(), tensor));
    return tensor;
  };
  const [{ rows }, { rows: before }] = [load, original.load];
  if (!rows || !before) return whole;
  const parts = new Map<number, { readonly rows: number; readonly sums: ErrorSums | undefined }>();
  return Object.assign(whole, {
    rows: async (start: number, end: number) => {
      const tensor = await rows(start, end);
      parts.set(start, { rows: end - start, sums: errorSums(await before(start, end), tensor) });
      const inOrder = [...parts].sort(([a], [b]) => a - b).map(([, part]) => part);
      if (inOrder.reduce((sum, part) => sum + part.rows, 0) === rowsOf(shape).rows) note(errorOf(inOrder.map(({ sums }) => sums)));
      return tensor;
    },
  });
}
