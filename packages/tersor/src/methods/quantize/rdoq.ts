import { decode } from '../../core/decode.ts';
import type { Kernels } from '../../core/kernels.ts';
import type { LevelsLayout } from '../../core/layout.ts';
import { matrixOf } from '../../core/layout.ts';
import { toMatrix } from '../../core/matrix.ts';
import { defineMethod } from '../../core/method.ts';
import { mapWeights, type Weight } from '../../core/model.ts';
import { number, type Values } from '../../core/options.ts';
import type { LevelsTensor } from '../../core/tensor.ts';
import { chooseLevels } from '../choose-levels.ts';
import { LEVELS_OPTIONS, levelsLayout, reasonAgainstLevels } from '../levels-layout.ts';

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
  async apply(model, asked, { scope, kernels, note }) {
    const layouts = new Map<string, LevelsLayout>();
    for (const layer of scope) {
      const layout = levelsLayout(layer, false);
      const reason = reasonAgainstLevels(layer, layout, asked.minimum);
      if (reason) note(layer.weight.id, reason);
      else layouts.set(layer.weight.id, layout);
    }
    return mapWeights(model, (weight) => {
      const layout = layouts.get(weight.id);
      return layout && { ...weight, layout, load: () => levelsBySize(weight, layout, asked, kernels) };
    });
  },
});

type Asked = Omit<Values<typeof options>, 'minimum'>;

/** Steps follow the size of the weight's own values. */
export async function levelsBySize(weight: Weight, layout: LevelsLayout, asked: Asked, kernels: Kernels): Promise<LevelsTensor> {
  const { rows, columns } = matrixOf({ ...layout, block: 'row' }, weight.shape);
  const matrix = toMatrix(decode(await weight.load()), weight.shape, layout.outputs);
  const squares = new Float64Array(rows);
  for (let row = 0, i = 0; row < rows; row++) for (let column = 0; column < columns; column++, i++) squares[row]! += matrix[i]! ** 2;
  const size = Math.sqrt(squares.reduce((sum, each) => sum + each, 0) / matrix.length);
  const outputSteps = Float32Array.from(squares, (each) => {
    const own = Math.sqrt(each / columns) || size;
    return (asked.trellis ? 0.5 : 1) * asked.step * size * (own / size) ** asked.rows || 1;
  });
  const { id, shape } = weight;
  return chooseLevels({ id, shape, layout, matrix, rows, columns, outputSteps }, asked, kernels);
}
