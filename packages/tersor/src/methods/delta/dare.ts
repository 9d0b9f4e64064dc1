import { baseOption, mapDifferences } from '../../core/fine-tuned.ts';
import { defineMethod } from '../../core/method.ts';
import { number } from '../../core/options.ts';

export default defineMethod({
  id: 'dare',
  family: 'delta',
  summary: 'Drops most of what fine-tuning changed, by lot, and enlarges the rest so that sums stay what they were on average.',
  notes: [
    'Of the differences to the base a part is set to zero, and the others are divided by the part that is kept. Models that differ little from their base bear that 90 % are dropped, and more the larger they are. What comes out is a',
    'stock model of the same size, and little for whoever has the base: `tersor dare tuned.safetensors --base model.safetensors -o tuned.tsr`, and `tersor unpack tuned.tsr --base model.safetensors`.',
    '',
    'Which ones are dropped depends on the seed and the name of the weight alone.',
  ].join('\n'),
  source: 'https://arxiv.org/abs/2311.03099',
  options: {
    base: baseOption,
    drop: number(0, 0.99, { default: 0.9, doc: 'The part of the differences that is dropped.' }),
  },
  changes: 'values',
  loss: 'data-dependent',
  apply: (model, { base, drop }, context) =>
    mapDifferences(model, base, context, (differences, { id }) => {
      const random = context.random(id);
      return differences.map((value) => (random() < drop ? 0 : value / (1 - drop)));
    }),
});
