import { isFloat } from '../core/dtype.ts';
import type { Kernels } from '../core/kernels.ts';
import type { Model, Weight } from '../core/model.ts';
import { cast, type FloatType } from './cast.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { Converted } from './converted.ts';

/**
 * A checkpoint of Hugging Face's kind: every weight by itself, by PyTorch's names. Floats stay what they are unless `dtype` says another type; what is stored in
 * codes becomes 32-bit floats then, which lose nothing. Loads no weight.
 */
export function toSafetensors({ weights, leftOut, described }: Checkpoint, dtype: FloatType | undefined, kernels: Kernels): Converted {
  const plain = [...weights.values()].map(({ origin: _, ...weight }) => floatsOf(weight, dtype, kernels));
  const model: Model = {
    format: 'safetensors',
    // what loaders of Python ask for
    meta: { properties: new Map([['format', 'pt']]), producer: 'pt', format: undefined },
    weights: new Map(plain.map((weight) => [weight.id, weight])),
    execution: new Map(),
  };
  const origins = new Map([...weights.values()].map(({ id, origin }) => [id, origin]));
  return { model, origins, leftOut, ...(described && { architecture: described.architecture.id }) };
}

function floatsOf(weight: Weight, dtype: FloatType | undefined, kernels: Kernels): Weight {
  const { layout } = weight;
  if (layout.kind !== 'dense') return cast(weight, dtype ?? 'f32', kernels);
  return dtype !== undefined && isFloat(layout.dtype) ? cast(weight, dtype, kernels) : weight;
}
