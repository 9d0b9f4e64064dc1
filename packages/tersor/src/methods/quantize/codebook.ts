import { defineMethod } from '../../core/method.ts';
import { changeLayouts } from '../change-layouts.ts';
import { chooseVectors } from '../choose-vectors.ts';
import { CODEBOOK_OPTIONS, codebookLayout } from '../codebook-layout.ts';
import { reasonAgainst } from '../reason-against.ts';

export default defineMethod({
  id: 'codebook',
  family: 'quantize',
  summary: 'Replaces vectors of weights by entries of a book, 1 to 4 bits per weight. Needs no data.',
  notes: [
    'Every layer has a book of its own, made by k-means, and a scale per output. Vectors of 4 take 2 bits per weight and lose what integers of 2 bits in blocks of 16 lose, which take 3; vectors of 3',
    'take 2.7, of 2 take 4. With two books, vectors of 5 take 3.2. `--vector 1 --entries 16` is clustering: sixteen shared values a layer.',
    '',
    'No operator computes with indices: runtimes look the entries up when they load the model, and have the speed and the memory of the original. Layers of few weights do not gain: a',
    'book of 256 vectors of 4 takes 2 KB.',
  ].join('\n'),
  source: 'https://arxiv.org/abs/1510.00149',
  options: CODEBOOK_OPTIONS,
  changes: 'layout',
  loss: 'data-dependent',
  formats: ['onnx'],
  async apply(model, asked, context) {
    return changeLayouts(model, context, (layer) => {
      const layout = codebookLayout(layer, asked);
      return (
        reasonAgainst(layer, layout, asked.minimum) ?? { layout, load: (weight) => chooseVectors(weight, layout, asked, context.kernels) }
      );
    }).model;
  },
});
