import { BLOCK_TYPES } from '../../core/blocks/block-types.ts';
import { TersorError } from '../../core/error.ts';
import type { Format } from '../../core/format.ts';
import type { Model, Weight } from '../../core/model.ts';
import { MAX_RANK } from './limits.ts';
import { openGguf } from './open.ts';
import { numberOfType } from './types.ts';
import { sizeGguf, writeGguf } from './write.ts';

/** GGUF: language models as llama.cpp keeps them, in one file or in parts. Weights and vocabulary, without a graph. */
export const gguf: Format = {
  id: 'gguf',
  extensions: ['.gguf'],
  open: openGguf,
  refuses: (_, weight) => refuses(weight),
  lift: async (model) => ({ model, owners: new Map() }),
  size: async (model, _, name) => {
    mustHold(model);
    return sizeGguf(model, name);
  },
  write: async (model, store, name, options) => {
    mustHold(model);
    return writeGguf(model, store, name, options);
  },
};

/** @throws LAYOUT */
function mustHold(model: Model): void {
  for (const weight of model.weights.values()) {
    const reason = refuses(weight);
    if (reason !== undefined) throw new TersorError('LAYOUT', weight.id, reason, 'leave it out with a rule');
  }
}

function refuses({ layout, shape }: Weight): string | undefined {
  if (shape.length > MAX_RANK) return `GGUF has at most ${MAX_RANK} axes`;
  if (numberOfType(layout) === undefined) {
    return layout.kind === 'dense' ? `GGUF has no element type ${layout.dtype}` : `GGUF has no ${layout.kind} values of this kind`;
  }
  if (layout.kind !== 'blocks') return undefined;
  const { values } = BLOCK_TYPES[layout.type];
  return (shape.at(-1) ?? 1) % values === 0 ? undefined : `rows of ${shape.at(-1)} values are not whole blocks of ${values}`;
}
