import { decode } from '../../core/decode.ts';
import { fingerprint } from '../../core/fingerprint.ts';
import { type LevelsLayout, matrixOf } from '../../core/layout.ts';
import { toMatrix } from '../../core/matrix.ts';
import { type Context, defineMethod } from '../../core/method.ts';
import { mapWeights, type Weight } from '../../core/model.ts';
import { ofInput } from '../../core/observation.ts';
import { number, type Values } from '../../core/options.ts';
import type { LevelsTensor } from '../../core/tensor.ts';
import { chooseLevels } from '../choose-levels.ts';
import { hasProduct, type Prepared, prepareGroups } from '../compensate-rounding.ts';
import { LEVELS_OPTIONS, levelsLayout, reasonAgainstLevels } from '../levels-layout.ts';
import { levelsBySize } from './rdoq.ts';

const options = {
  ...LEVELS_OPTIONS,
  rows: number(0, 1, {
    default: 0,
    doc: 'How far the steps of outputs follow what the outputs are: 0 gives all of a layer one step, 1 each its own, as a part of its size.',
    search: [0, 0.5],
  }),
  damping: number(1e-6, 1, { default: 0.01, doc: 'As of gptq.' }),
};

export default defineMethod({
  id: 'rdoq-gptq',
  family: 'quantize',
  summary: 'As rdoq, and what rounding one input loses others make up for, as your data need it. For files that are packed.',
  notes: [
    'Inputs that matter more to the outputs get finer steps, so that all add the same to what the layer loses, and what an input loses is made up for by those behind it. `step` is in',
    'parts of what comes out of the layer, so that one step means about the same loss of every layer. Embeddings are left alone and named: a step of `rdoq` after this one takes them.',
  ].join('\n'),
  source: 'https://arxiv.org/abs/2210.17323',
  options,
  changes: 'layout',
  loss: 'data-dependent',
  formats: ['onnx'],
  needs: (_, __, scope) => scope.filter(hasProduct).map(({ weight }) => ofInput(weight.id, 'gram')),
  async apply(model, asked, context) {
    const layouts = new Map<string, LevelsLayout>();
    for (const layer of context.scope) {
      const layout = levelsLayout(layer, true);
      const reason = hasProduct(layer) ? reasonAgainstLevels(layer, layout, asked.minimum) : 'is looked up: nothing to make up for';
      if (reason) context.note(layer.weight.id, reason);
      else layouts.set(layer.weight.id, layout);
    }
    return mapWeights(model, (weight) => {
      const layout = layouts.get(weight.id);
      return layout && { ...weight, layout, load: () => compensated(weight, layout, asked, context) };
    });
  },
});

async function compensated(weight: Weight, layout: LevelsLayout, asked: Values<typeof options>, context: Context): Promise<LevelsTensor> {
  const { kernels, observed, note } = context;
  const gram = await observed(ofInput(weight.id, 'gram'));
  // groups share the steps of inputs, and so their order
  const ready =
    gram && (await prepareGroups(gram, fingerprint(gram.values), { damping: asked.damping, byMagnitude: gram.groups === 1 }, context));
  if (!gram || !ready || ready.some((group) => !group)) {
    note(weight.id, 'is rounded by itself: the data say too little of its inputs');
    const { columns } = matrixOf({ ...layout, block: 'row' }, weight.shape);
    return { ...(await levelsBySize(weight, layout, asked, kernels)), inputSteps: new Int8Array(columns) };
  }
  const { rows, columns } = matrixOf({ ...layout, block: 'row' }, weight.shape);
  const matrix = toMatrix(decode(await weight.load()), weight.shape, layout.outputs);
  const groups = ready.flatMap((group) => group ?? []);
  const order = groups[0]?.order ?? new Uint32Array();
  const factors = new Float32Array(groups.length * columns ** 2);
  groups.forEach(({ factor }, i) => void factors.set(factor, i * columns ** 2));
  const inputSteps = inputStepsOf(groups, columns, order);
  const wanted = outputSizes(matrix, groups, rows, columns, asked.rows === 0 ? FEW_ROWS : rows);
  const all = Math.sqrt(wanted.reduce((sum, each) => sum + each, 0) / wanted.length);
  const outputSteps = Float32Array.from({ length: rows }, (_, row) => {
    const own = Math.sqrt(wanted[row] ?? 0) || all;
    return ((asked.trellis ? 0.5 : 1) * asked.step * all * (own / all) ** asked.rows) / Math.sqrt(columns) || 1;
  });
  const { id, shape } = weight;
  return chooseLevels(
    { id, shape, layout, matrix, rows, columns, outputSteps, inputSteps, compensation: { order, factors } },
    asked,
    kernels,
  );
}

/** What errors of an input do that none behind it can make up for is the reciprocal of its place on the diagonal. Groups share the steps. */
function inputStepsOf(groups: readonly Prepared[], columns: number, order: Uint32Array): Float32Array {
  const steps = new Float32Array(columns);
  for (let i = 0; i < columns; i++) {
    const matters = groups.reduce((sum, { factor }) => sum + factor[i * columns + i]! ** -2, 0) / groups.length;
    steps[order[i]!] = matters ** -0.5;
  }
  return steps;
}

/** Enough to tell how large outputs are as a whole. */
const FEW_ROWS = 64;

/** Sums of squares of each output, or of `most` that lie evenly among them, over all positions that were seen. */
function outputSizes(matrix: Float32Array, groups: readonly Prepared[], rows: number, columns: number, most: number): Float64Array {
  const count = Math.min(most, rows);
  return Float64Array.from({ length: count }, (_, i) => {
    const row = Math.floor((i * rows) / count);
    const { gram } = groups[Math.floor((row * groups.length) / rows)]!;
    let sum = 0;
    for (let a = 0; a < columns; a++) {
      let along = 0;
      for (let b = 0; b < columns; b++) along += gram[a * columns + b]! * matrix[row * columns + b]!;
      sum += along * matrix[row * columns + a]!;
    }
    return Math.max(0, sum);
  });
}
