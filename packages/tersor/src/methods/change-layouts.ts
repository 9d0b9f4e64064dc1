import type { WeightId } from '../core/graph.ts';
import type { Layer } from '../core/layers.ts';
import type { Layout } from '../core/layout.ts';
import type { Context } from '../core/method.ts';
import { type Model, mapWeights, type Weight } from '../core/model.ts';
import type { Tensor } from '../core/tensor.ts';

/** What a layer's weight is stored in next, and how it gets there; or why it stays as it is, in words for the user. */
export type Change = string | { readonly layout: Layout; readonly load: (weight: Weight) => Promise<Tensor> };

export interface Changed {
  readonly model: Model;
  readonly changed: ReadonlySet<WeightId>;
}

/** Plans each layer of the step's scope. Nothing is loaded; those that stay are named; what comes behind finds the values that were there before. */
export function changeLayouts(model: Model, { scope, note }: Context, plan: (layer: Layer) => Change): Changed {
  const changes = new Map<WeightId, Exclude<Change, string>>();
  for (const layer of scope) {
    const change = plan(layer);
    if (typeof change === 'string') note(layer.weight.id, change);
    else changes.set(layer.weight.id, change);
  }
  const after = mapWeights(model, (weight) => {
    const change = changes.get(weight.id);
    return change && { ...weight, layout: change.layout, original: weight.load, load: () => change.load(weight) };
  });
  return { model: after, changed: new Set(changes.keys()) };
}
