import { defineMethod } from '../../core/method.ts';
import { boolean, integer, oneOf } from '../../core/options.ts';
import { changeLayouts } from '../change-layouts.ts';
import { integerLayout } from '../integer-layout.ts';
import { quantizeWeight } from '../quantize-weight.ts';
import { reasonAgainst } from '../reason-against.ts';
import { EXECUTION_DOC, EXECUTIONS, withExecution } from '../with-execution.ts';

/** `auto`: a scale per row is enough for 8 bits; fewer bits need shorter blocks. */
const BLOCKS = { 8: 'row', 4: 32, 2: 16 } as const;

const options = {
  bits: oneOf([2, 4, 8], { default: 8, doc: 'Bits per weight.', search: [8, 4, 2] }),
  block: oneOf(['auto', 'row', 16, 32, 64, 128, 256], {
    default: 'auto',
    doc: 'Weights that share a scale, along the inputs; row: one scale per output; auto: row at 8 bits, 32 at 4, 16 at 2.',
    search: ['row', 128, 64, 32, 16],
  }),
  symmetric: boolean({
    default: true,
    doc: 'Zero is the middle of the grid; otherwise every block has a zero point.',
    search: [true, false],
  }),
  fit: oneOf(['auto', 'absmax', 'mse', 'hqq'], {
    default: 'auto',
    doc: 'How scales are found: from the largest magnitude, by the least squared error, or by half-quadratic optimisation, which lets outliers go; auto: absmax at 8 bits, mse at fewer.',
    search: ['absmax', 'mse', 'hqq'],
  }),
  scale: oneOf(['f16', 'f32'], { default: 'f16', doc: 'Type of the stored scales.' }),
  minimum: integer(1, 2 ** 31, { default: 128, doc: 'Weights with fewer elements are left alone.' }),
  execution: oneOf(EXECUTIONS, { default: 'auto', doc: EXECUTION_DOC }),
};

export default defineMethod({
  id: 'rtn',
  family: 'quantize',
  summary: 'Rounds weights to 8, 4 or 2 bits, one scale per row or block. Needs no data.',
  notes: [
    'Takes every linear, convolution, embedding and recurrent weight. 8 bits per row keep nearly every model; 4 bits want blocks of 32 or 16, and',
    'small convolutional networks rarely bear them. Activations stay floats, so nothing depends on calibration.',
    '',
    'Weights that would not become smaller, or have a single input per output, are left alone and named.',
  ].join('\n'),
  source: 'https://arxiv.org/abs/1712.05877',
  options,
  changes: 'layout',
  loss: 'bounded',
  formats: ['onnx'],
  async apply(model, asked, context) {
    const fit = asked.fit === 'auto' ? (asked.bits === 8 ? 'absmax' : 'mse') : asked.fit;
    const block = asked.block === 'auto' ? BLOCKS[asked.bits] : asked.block;
    const { model: after, changed } = changeLayouts(model, context, (layer) => {
      const layout = integerLayout(layer, { ...asked, block });
      return (
        reasonAgainst(layer, layout, asked.minimum) ?? { layout, load: (weight) => quantizeWeight(weight, layout, fit, context.kernels) }
      );
    });
    return { ...after, execution: withExecution(model.execution, changed, asked.execution) };
  },
});
