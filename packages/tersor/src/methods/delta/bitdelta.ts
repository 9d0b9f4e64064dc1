import { baseOption, mapDifferences } from '../../core/fine-tuned.ts';
import { defineMethod } from '../../core/method.ts';
import { oneOf } from '../../core/options.ts';

export default defineMethod({
  id: 'bitdelta',
  family: 'delta',
  summary: 'Leaves one bit of what fine-tuning changed in a weight: its sign, and one size for all of a matrix or of a row.',
  notes: [
    'What a matrix differs from the base by becomes its signs times one scale, the mean of the magnitudes, which has the least squared error. What comes out is a stock model of the same size, and one bit a weight',
    'for whoever has the base: `tersor bitdelta tuned.safetensors --base model.safetensors -o tuned.tsr`, and `tersor unpack tuned.tsr --base model.safetensors`.',
    '',
    'Vectors stay as they were fine-tuned. The paper fits the scales on data afterwards, which is not done here.',
  ].join('\n'),
  source: 'https://arxiv.org/abs/2402.10193',
  options: {
    base: baseOption,
    scale: oneOf(['matrix', 'row'], {
      default: 'matrix',
      doc: 'What has a scale of its own: a matrix, as in the paper, or each of its rows, for 32 bits more.',
    }),
  },
  changes: 'values',
  loss: 'data-dependent',
  apply: (model, { base, scale }, context) =>
    mapDifferences(model, base, context, (differences, { shape }) => {
      const length = scale === 'row' ? Math.max(1, differences.length / (shape[0] ?? 1)) : differences.length;
      const signs = new Float32Array(differences.length);
      for (let from = 0; from < differences.length; from += length) {
        const size = Math.fround(meanMagnitude(differences.subarray(from, from + length)));
        for (let i = from; i < from + length; i++) signs[i] = differences[i]! < 0 ? -size : size;
      }
      return signs;
    }),
});

function meanMagnitude(values: Float32Array): number {
  let sum = 0;
  for (const value of values) sum += Math.abs(value);
  return sum / Math.max(1, values.length);
}
