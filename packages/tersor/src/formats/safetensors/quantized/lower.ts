import type { Size } from '../../../core/format.ts';
import type { WeightId } from '../../../core/graph.ts';
import type { Model, Weight } from '../../../core/model.ts';
import { safetensorsMeta } from '../meta.ts';

/** The model with the parts of quantized layers in place of the weights that nobody changed: as it lay in the file. */
export function withParts(model: Model): Model {
  const { stored } = safetensorsMeta(model.meta.format);
  if (!stored) return model;
  const weights = new Map<WeightId, Weight>();
  for (const part of stored.parts.values()) {
    const owner = stored.owners.get(part.id);
    const now = model.weights.get(owner ?? part.id);
    const present = now && owner !== undefined && isAsStored(model, now) ? part : now;
    if (present) weights.set(present.id, present);
  }
  for (const weight of model.weights.values()) if (!stored.weights.has(weight.id)) weights.set(weight.id, weight);
  return { ...model, weights };
}

/** Whether a weight is still the one that its parts store. */
export function isAsStored({ meta }: Model, { id, load }: Weight): boolean {
  return safetensorsMeta(meta.format).stored?.weights.get(id)?.load === load;
}

/** What the parts of each weight take together. */
export function perWeight(model: Model, { bytes, weights }: Size): Size {
  const { stored } = safetensorsMeta(model.meta.format);
  if (!stored) return { bytes, weights };
  const sums = new Map<WeightId, number>();
  for (const [id, size] of weights) {
    const owner = stored.owners.get(id) ?? id;
    sums.set(owner, (sums.get(owner) ?? 0) + size);
  }
  return { bytes, weights: sums };
}
