import { elementsOf, isFloat } from './dtype.ts';
import type { Layer, LayerKind } from './layers.ts';
import type { Model, Weight } from './model.ts';

/** How tables are called that are looked up, in the checkpoints of all large families. */
const EMBEDDING = /(?:^|[._])(?:embed|embeds|embeddings?|embed_tokens|embed_in|wte|wpe|token_embd)(?:[._]|$)/;

/**
 * The layers of a checkpoint, which has weights and no operators. Weights of two axes and more are `[outputs, inputs, ...]`, as PyTorch and GGUF keep
 * them: linear, or convolutions where there are more than two.
 */
export function layersByShape({ weights }: Model): Layer[] {
  return [...weights.values()].flatMap((weight) => {
    const { dtype, shape } = weight;
    if (dtype === 'string' || !isFloat(dtype) || shape.length < 2 || elementsOf(shape) === 0) return [];
    const [outputs = 1] = shape;
    return [{ weight, uses: [], outputAxes: [0], outputs, inputs: elementsOf(shape) / outputs, kind: kindOf(weight) }];
  });
}

function kindOf({ id, shape }: Weight): LayerKind {
  if (shape.length > 2) return 'conv';
  return EMBEDDING.test(id) ? 'embedding' : 'linear';
}
