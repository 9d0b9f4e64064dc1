import { decode } from '../../core/decode.ts';
import { fingerprint } from '../../core/fingerprint.ts';
import type { CodebookLayout } from '../../core/layout.ts';
import { type Context, defineMethod } from '../../core/method.ts';
import type { Weight } from '../../core/model.ts';
import { ofInput } from '../../core/observation.ts';
import { number, type Values } from '../../core/options.ts';
import type { CodebookTensor } from '../../core/tensor.ts';
import { changeLayouts } from '../change-layouts.ts';
import { chooseVectors } from '../choose-vectors.ts';
import { CODEBOOK_OPTIONS, codebookLayout } from '../codebook-layout.ts';
import { hasProduct, NO_PRODUCT, prepareGroups } from '../compensate-rounding.ts';
import { reasonAgainst } from '../reason-against.ts';

const options = {
  ...CODEBOOK_OPTIONS,
  damping: number(1e-6, 1, {
    default: 0.01,
    doc: 'Added to the diagonal of the Gram matrix, as a part of its mean: more trusts the data less.',
  }),
};

export default defineMethod({
  id: 'codebook-gptq',
  family: 'quantize',
  summary:
    'Entries of a book in place of vectors of weights, whose errors make up for one another as your data need it. Loses less than integers that take more bytes.',
  notes: [
    'The file is that of `codebook`, and as fast. Takes linear, convolution and recurrent layers; embeddings are left alone and named: a step of `codebook` after this one takes them.',
    '',
    'The book is made by k-means in which every weight counts as much as what it is multiplied by. Vectors then get their entries one after the other, what one loses being made up for by',
    'those that come later; and entries, vectors and books are gone through again as long as less is lost.',
  ].join('\n'),
  source: 'https://arxiv.org/abs/2402.15319',
  options,
  changes: 'layout',
  loss: 'data-dependent',
  formats: ['onnx'],
  needs: (_, __, scope) => scope.filter(hasProduct).map(({ weight }) => ofInput(weight.id, 'gram')),
  async apply(model, asked, context) {
    return changeLayouts(model, context, (layer) => {
      if (!hasProduct(layer)) return NO_PRODUCT;
      const layout = codebookLayout(layer, asked);
      return reasonAgainst(layer, layout, asked.minimum) ?? { layout, load: (weight) => compensated(weight, layout, asked, context) };
    }).model;
  },
});

async function compensated(
  weight: Weight,
  layout: CodebookLayout,
  asked: Values<typeof options>,
  context: Context,
): Promise<CodebookTensor> {
  const { kernels, observed, note } = context;
  const gram = await observed(ofInput(weight.id, 'gram'));
  if (!gram) {
    note(weight.id, 'gets a book by itself: no run of the data came through it');
    return chooseVectors(weight, layout, asked, kernels);
  }
  const seen = fingerprint(gram.values);
  const groups = await prepareGroups(gram, seen, { damping: asked.damping, byMagnitude: true, vector: layout.vector }, context);
  if (groups.some((ready) => !ready))
    note(weight.id, 'gets its entries by themselves, in whole or in part: the data say little of its inputs');
  return context.recall(
    `codebook of ${JSON.stringify([asked, layout, weight.id, fingerprint(decode(await weight.load())), seen])}`,
    () => chooseVectors(weight, layout, { ...asked, groups }, kernels),
    ({ indices, books, scales }) => indices.length + 4 * (books.length + scales.length),
  );
}
