import type { LevelsLayout } from '../../core/layout.ts';
import { type Context, defineMethod } from '../../core/method.ts';
import type { Weight } from '../../core/model.ts';
import { number, type Values } from '../../core/options.ts';
import type { LevelsTensor } from '../../core/tensor.ts';
import { changeLayouts } from '../change-layouts.ts';
import { chooseLevels, recalledLevels } from '../choose-levels.ts';
import { LEVELS_OPTIONS, levelsLayout } from '../levels-layout.ts';
import { reasonAgainst } from '../reason-against.ts';

const options = {
  ...LEVELS_OPTIONS,
  rows: number(0, 1, {
    default: 0.5,
    doc: "How far the steps of outputs follow their values: 0 gives all of a layer one step, 1 each its own, as a part of its values' size.",
    search: [0, 0.5, 1],
  }),
};

export default defineMethod({
  id: 'rdoq',
  family: 'quantize',
  summary: 'Rounds weights to what an entropy coder makes few bits of: for files that are packed. Needs no data.',
  notes: [
    'For downloads: what is gained is seen once the file is packed (`-o model.tsr`, or `tersor pack`), and not before. Levels have no limit, so that a few large',
    'values do not make the steps of all others coarse; what they cost is what the coder needs for them, and where two levels are about as good the cheaper one is taken.',
    '',
    'Runtimes expand the weights to floats when they load the model: the speed and the memory of the original.',
  ].join('\n'),
  source: 'https://arxiv.org/abs/1907.11900',
  options,
  changes: 'layout',
  loss: 'data-dependent',
  formats: ['onnx'],
  async apply(model, asked, context) {
    return changeLayouts(model, context, (layer) => {
      const layout = levelsLayout(layer, false);
      return reasonAgainst(layer, layout, asked.minimum) ?? { layout, load: (weight) => levelsBySize(weight, layout, asked, context) };
    }).model;
  },
});

type Asked = Omit<Values<typeof options>, 'minimum'>;

/** Steps follow the size of the weight's own values. */
export function levelsBySize(
  weight: Weight,
  layout: LevelsLayout,
  asked: Asked,
  context: Pick<Context, 'kernels' | 'recall'>,
): Promise<LevelsTensor> {
  return recalledLevels(context, weight, layout, asked, (sized) => {
    const { matrix, rows, columns } = sized;
    const squares = new Float64Array(rows);
    for (let row = 0, i = 0; row < rows; row++) for (let column = 0; column < columns; column++, i++) squares[row]! += matrix[i]! ** 2;
    const size = Math.sqrt(squares.reduce((sum, each) => sum + each, 0) / matrix.length);
    const outputSteps = Float32Array.from(squares, (each) => {
      const own = Math.sqrt(each / columns) || size;
      return asked.step * size * (own / size) ** asked.rows || 1;
    });
    return chooseLevels({ ...sized, outputSteps }, asked, context.kernels);
  });
}
