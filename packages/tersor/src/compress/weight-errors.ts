import type { WeightId } from '../core/graph.ts';
import { type Model, mapWeights, type Weight } from '../core/model.ts';
import { relativeError } from '../core/relative-error.ts';

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
        return { ...weight, load: () => loadNoting(weight, original, found) };
      }),
  };
}

/** Nothing was done to the weight, or it is another one now. */
function isSame(a: Weight, b: Weight): boolean {
  return JSON.stringify(a.layout) === JSON.stringify(b.layout) || a.shape.join() !== b.shape.join();
}

async function loadNoting(weight: Weight, original: Weight, found: Map<WeightId, number>): ReturnType<Weight['load']> {
  const tensor = await weight.load();
  const error = relativeError(await original.load(), tensor);
  if (error !== undefined) found.set(weight.id, error);
  return tensor;
}
