import { TersorError } from '../../core/error.ts';
import type { Format } from '../../core/format.ts';
import type { Model, Weight } from '../../core/model.ts';
import { nameOfType } from './header.ts';
import { INDEX, openSafetensors } from './open.ts';
import { isAsStored, perWeight, withParts } from './quantized/lower.ts';
import { sizeSafetensors, writeSafetensors } from './write.ts';

/** safetensors: checkpoints as Hugging Face keeps them, in one file or many. Weights without a graph. */
export const safetensors: Format = {
  id: 'safetensors',
  extensions: ['.safetensors', INDEX],
  open: openSafetensors,
  refuses,
  lift: async (model) => ({ model, owners: new Map() }),
  size: async (model, _, name) => {
    mustHold(model);
    return perWeight(model, sizeSafetensors(withParts(model), name));
  },
  write: async (model, store, name, options) => {
    mustHold(model);
    return perWeight(model, await writeSafetensors(withParts(model), store, name, options));
  },
};

/** @throws LAYOUT */
function mustHold(model: Model): void {
  for (const weight of model.weights.values()) {
    const reason = refuses(model, weight);
    if (reason !== undefined) throw new TersorError('LAYOUT', weight.id, reason, 'leave it out with a rule');
  }
}

/** Quantized layers are written as they were read, as long as nobody changes them. */
function refuses(model: Model, weight: Weight): string | undefined {
  const { layout } = weight;
  if (layout.kind !== 'dense' && isAsStored(model, weight)) return undefined;
  if (layout.kind !== 'dense') return `safetensors has no ${layout.kind} values of its own`;
  return nameOfType(layout.dtype) === undefined ? `safetensors has no element type ${layout.dtype}` : undefined;
}
