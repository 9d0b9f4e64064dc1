import { fingerprint } from '../../core/fingerprint.ts';
import type { Kernels } from '../../core/kernels.ts';
import { type LevelsLayout, matrixOf } from '../../core/layout.ts';
import { type Context, defineMethod } from '../../core/method.ts';
import type { Weight } from '../../core/model.ts';
import { ofInput } from '../../core/observation.ts';
import { number, type Values } from '../../core/options.ts';
import type { LevelsTensor } from '../../core/tensor.ts';
import { changeLayouts } from '../change-layouts.ts';
import { chooseLevels, recalledLevels, type Sized, type ToRound } from '../choose-levels.ts';
import { hasProduct, NO_PRODUCT, type Prepared, prepareGroups } from '../compensate-rounding.ts';
import { LEVELS_OPTIONS, levelsLayout } from '../levels-layout.ts';
import { reasonAgainst } from '../reason-against.ts';
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
    return changeLayouts(model, context, (layer) => {
      if (!hasProduct(layer)) return NO_PRODUCT;
      const layout = levelsLayout(layer, true);
      return reasonAgainst(layer, layout, asked.minimum) ?? { layout, load: (weight) => compensated(weight, layout, asked, context) };
    }).model;
  },
});

async function compensated(weight: Weight, layout: LevelsLayout, asked: Values<typeof options>, context: Context): Promise<LevelsTensor> {
  const { kernels, observed, note } = context;
  const gram = await observed(ofInput(weight.id, 'gram'));
  const seen = gram && fingerprint(gram.values);
  // groups share the steps of inputs, and so their order
  const ready = gram && seen && (await prepareGroups(gram, seen, { damping: asked.damping, byMagnitude: gram.groups === 1 }, context));
  if (!ready || ready.some((group) => !group)) {
    note(weight.id, 'is rounded by itself: the data say too little of its inputs');
    const { columns } = matrixOf({ ...layout, block: 'row' }, weight.shape);
    return { ...(await levelsBySize(weight, layout, asked, context)), inputSteps: new Int8Array(columns) };
  }
  const groups = ready.flatMap((group) => group ?? []);
  return recalledLevels(context, weight, layout, { ...asked, seen }, async (sized) =>
    chooseLevels(await toRound(sized, groups, asked, kernels), asked, kernels),
  );
}

/** The steps that make every input add the same to what the layer loses, and how inputs make up for one another. */
async function toRound(sized: Sized, groups: readonly Prepared[], asked: Values<typeof options>, kernels: Kernels): Promise<ToRound> {
  const { matrix, rows, columns } = sized;
  const order = groups[0]?.order ?? new Uint32Array();
  const factors = new Float32Array(groups.length * columns ** 2);
  groups.forEach(({ factor }, i) => void factors.set(factor, i * columns ** 2));
  const wanted = await outputSizes(matrix, groups, rows, columns, asked.rows === 0 ? FEW_ROWS : rows, kernels);
  const all = Math.sqrt(wanted.reduce((sum, each) => sum + each, 0) / wanted.length);
  const outputSteps = Float32Array.from({ length: rows }, (_, row) => {
    const own = Math.sqrt(wanted[row] ?? 0) || all;
    return (asked.step * all * (own / all) ** asked.rows) / Math.sqrt(columns) || 1;
  });
  return { ...sized, outputSteps, inputSteps: inputStepsOf(groups, columns, order), compensation: { order, factors } };
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
async function outputSizes(
  matrix: Float32Array,
  groups: readonly Prepared[],
  rows: number,
  columns: number,
  most: number,
  kernels: Kernels,
): Promise<Float64Array> {
  const sizes: number[] = [];
  const height = rows / groups.length;
  const count = Math.max(1, Math.round(Math.min(most, rows) / groups.length));
  for (const [group, { gram }] of groups.entries()) {
    const some = new Float32Array(count * columns);
    for (let i = 0; i < count; i++) {
      const row = group * height + Math.floor((i * height) / count);
      some.set(matrix.subarray(row * columns, (row + 1) * columns), i * columns);
    }
    const along = await kernels.multiplyRows(some, Float32Array.from(gram), columns);
    for (let i = 0; i < count; i++) {
      let sum = 0;
      for (let a = i * columns; a < (i + 1) * columns; a++) sum += along[a]! * some[a]!;
      sizes.push(Math.max(0, sum));
    }
  }
  return Float64Array.from(sizes);
}
