import type { Layer } from '../../core/layers.ts';
import { defineMethod } from '../../core/method.ts';
import { integer, oneOf } from '../../core/options.ts';
import { changeLayouts } from '../change-layouts.ts';
import { integerLayout } from '../integer-layout.ts';
import { quantizeWeight } from '../quantize-weight.ts';
import { reasonAgainst } from '../reason-against.ts';

/** Bits that weights take of their bytes. */
const BITS = { full: 8, reduced: 7 } as const;

export default defineMethod({
  id: 'dynamic-int8',
  family: 'quantize',
  summary: 'Multiplies in 8-bit integers: weights are rounded now, activations when they come. Smaller and faster; needs no data.',
  notes: [
    'Takes linear and recurrent layers. Products with the weight as second operand become integer products (MatMul, Gemm, projections of attention),',
    'LSTMs become DynamicQuantizeLSTM; what has no such operator (GRU, batched weights) is stored in 8 bits all the same and expanded when the model is',
    'loaded. Convolutions and embeddings are left alone and named: a step of `rtn` after this one takes them.',
    '',
    'Every call quantizes an activation as a whole, from its smallest to its largest value. So one outlier coarsens the rest, and what a sample gives depends',
    'a little on the samples beside it in the batch. Measure it on your data; layers that lose most are better left to `rtn` with a rule.',
    '',
    'x86 processors without VNNI (AMD before Zen 4, Intel before Cascade Lake) add pairs of products in 16 bits, which overflow where weight and activation are',
    'both large: of the 36 layers of MiniLM 15 were hit, and the worst had five times the error. `range: reduced` keeps weights within 7 bits, where that cannot',
    'happen, for an eighth more error on average. WebAssembly, ARM and newer processors lose nothing with `range: full`.',
  ].join('\n'),
  source: 'https://arxiv.org/abs/1712.05877',
  options: {
    fit: oneOf(['absmax', 'mse'], {
      default: 'absmax',
      doc: 'How scales are found: from the largest magnitude of each output, or by the least squared error.',
      search: ['absmax', 'mse'],
    }),
    range: oneOf(['reduced', 'full'], {
      default: 'reduced',
      doc: 'Bits of the weights: reduced: 7, right on every processor; full: 8, closer where processors have VNNI, and on WebAssembly.',
      search: ['reduced', 'full'],
    }),
    scale: oneOf(['f16', 'f32'], { default: 'f16', doc: 'Type of the stored scales.' }),
    minimum: integer(1, 2 ** 31, { default: 128, doc: 'Weights with fewer elements are left alone.' }),
  },
  changes: 'layout',
  loss: 'data-dependent',
  formats: ['onnx'],
  async apply(model, { fit, range, scale, minimum }, context) {
    const { model: after, changed } = changeLayouts(model, context, (layer) => {
      const layout = integerLayout(layer, { bits: 8, block: 'row', symmetric: true, scale });
      return (
        otherUse(layer) ??
        reasonAgainst(layer, layout, minimum) ?? {
          layout,
          load: (weight) => quantizeWeight(weight, layout, fit, context.kernels, BITS[range]),
        }
      );
    });
    return { ...after, execution: new Map([...model.execution, ...[...changed].map((id) => [id, 'dynamic'] as const)]) };
  },
});

function otherUse({ uses }: Layer): string | undefined {
  if (uses.some(({ kind }) => kind === 'conv')) return 'is convolved: no integer convolution runs everywhere';
  return uses.some(({ kind }) => kind === 'embedding') ? 'is looked up: nothing to multiply' : undefined;
}
