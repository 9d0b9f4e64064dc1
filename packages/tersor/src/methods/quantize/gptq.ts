import { decode } from '../../core/decode.ts';
import { fingerprint } from '../../core/fingerprint.ts';
import type { Kernels } from '../../core/kernels.ts';
import { type AffineLayout, matrixOf } from '../../core/layout.ts';
import { toMatrix } from '../../core/matrix.ts';
import { type Context, defineMethod } from '../../core/method.ts';
import type { Weight } from '../../core/model.ts';
import { ofInput } from '../../core/observation.ts';
import { boolean, integer, number, oneOf, type Values } from '../../core/options.ts';
import type { AffineTensor } from '../../core/tensor.ts';
import { changeLayouts } from '../change-layouts.ts';
import { hasProduct, NO_PRODUCT, type Prepared, prepareGroups } from '../compensate-rounding.ts';
import { integerLayout } from '../integer-layout.ts';
import { quantizeWeight } from '../quantize-weight.ts';
import { reasonAgainst } from '../reason-against.ts';
import { EXECUTION_DOC, EXECUTIONS, withExecution } from '../with-execution.ts';

const options = {
  bits: oneOf([2, 4, 8], { default: 4, doc: 'Bits per weight.', search: [4, 2] }),
  block: oneOf(['row', 16, 32, 64, 128, 256], {
    default: 32,
    doc: 'Weights that share a scale, along the inputs; row: one scale per output.',
    search: ['row', 128, 64, 32, 16],
  }),
  symmetric: boolean({
    default: false,
    doc: 'Zero is the middle of the grid; otherwise every block has a zero point.',
    search: [false, true],
  }),
  fit: oneOf(['absmax', 'mse', 'hqq'], { default: 'mse', doc: 'How scales are found, before anything is rounded.' }),
  damping: number(1e-6, 1, {
    default: 0.01,
    doc: 'Added to the diagonal of the Gram matrix, as a part of its mean: more trusts the data less. Where few positions were seen for the inputs that a layer has, or it does not do, more is taken.',
  }),
  order: oneOf(['activation', 'stored'], {
    default: 'activation',
    doc: 'Which inputs are rounded first: those with the largest activations, or as they are stored.',
  }),
  refine: integer(0, 20, {
    default: 2,
    doc: 'Times that scales are fitted anew to the codes, and each code to all others; 0: codes and scales stay as they were found one after the other.',
  }),
  scale: oneOf(['f16', 'f32'], { default: 'f16', doc: 'Type of the stored scales.' }),
  execution: oneOf(EXECUTIONS, { default: 'auto', doc: EXECUTION_DOC }),
  minimum: integer(1, 2 ** 31, { default: 128, doc: 'Weights with fewer elements are left alone.' }),
};

export default defineMethod({
  id: 'gptq',
  family: 'quantize',
  summary: 'Rounds weights so that what one loses others make up for, as your data need it. Smaller losses than rtn at the same bytes.',
  notes: [
    'Takes linear, convolution and recurrent layers; embeddings are left alone and named: a step of `rtn` after this one takes them. The file is that of `rtn`',
    'with the same bits and blocks, and as fast.',
    '',
    'What flows into each layer is observed on a quarter of the data, in one pass; another quarter is there to choose by, half to prove with. A few dozen samples are',
    'enough where each has many positions (tokens, pixels). Where positions are few, what they say is trusted less, and not at all where it is chance: such layers are',
    'rounded to the nearest, and named. Data of another kind than the model will see make it worse than `rtn`: prove it.',
    '',
    'Codes that were found one after the other are then gone through again, each against all others, and scales are fitted to them (`refine`): what the layer loses on the',
    'data never grows by it. On MiniLM it takes 4 % off the loss of outputs at 4 bits in blocks of 32, and 12 % at 2 bits in blocks of 16, on sentences that nothing was fitted to.',
    '',
    'The main job takes it wherever there is data.',
  ].join('\n'),
  source: 'https://arxiv.org/abs/2210.17323',
  options,
  changes: 'layout',
  loss: 'data-dependent',
  formats: ['onnx'],
  needs: (_, __, scope) => scope.filter(hasProduct).map(({ weight }) => ofInput(weight.id, 'gram')),
  async apply(model, asked, context) {
    const { model: after, changed } = changeLayouts(model, context, (layer) => {
      if (!hasProduct(layer)) return NO_PRODUCT;
      const layout = integerLayout(layer, asked);
      return reasonAgainst(layer, layout, asked.minimum) ?? { layout, load: (weight) => compensated(weight, layout, asked, context) };
    });
    return { ...after, execution: withExecution(model.execution, changed, asked.execution) };
  },
});

/** Worth telling. */
const MUCH_DAMPING = 0.5;

/** Rounded to the nearest where nothing was seen of the layer, or of a group of its outputs. */
async function compensated(weight: Weight, layout: AffineLayout, asked: Values<typeof options>, context: Context): Promise<AffineTensor> {
  const { kernels, observed, note, recall } = context;
  const gram = await observed(ofInput(weight.id, 'gram'));
  const matrix = toMatrix(decode(await weight.load()), weight.shape, layout.outputs);
  const nearest = () => quantizeWeight(weight, layout, asked.fit, kernels);
  if (!gram) {
    note(weight.id, 'is rounded to the nearest: no run of the data came through it');
    return nearest();
  }
  const seen = fingerprint(gram.values);
  const ready = await prepareGroups(gram, seen, { damping: asked.damping, byMagnitude: asked.order === 'activation' }, context);
  const dampings = ready.map((each) => each?.damping ?? Number.POSITIVE_INFINITY);
  const most = Math.max(...dampings);
  if (most > MUCH_DAMPING) {
    const how = Number.isFinite(most) ? `took a damping of ${most.toPrecision(2)}` : 'is rounded to the nearest, in whole or in part';
    note(weight.id, `${how}: the data say little of its inputs`);
  }
  const key = JSON.stringify([asked, layout, weight.id, fingerprint(matrix), seen]);
  return recall(
    `gptq of ${key}`,
    async () => {
      const rounded = await nearest();
      return { ...rounded, ...(await betterCodes(rounded, matrix, ready, asked, kernels)) };
    },
    ({ codes, scales }) => codes.length + 5 * scales.length,
  );
}

/** Group by group of outputs that see the same inputs. */
async function betterCodes(
  { codes: nearest, scales: fitted, zeros, layout, shape }: AffineTensor,
  matrix: Float32Array,
  groups: readonly (Prepared | undefined)[],
  { refine, scale }: Values<typeof options>,
  kernels: Kernels,
): Promise<Pick<AffineTensor, 'codes' | 'scales'>> {
  const { rows, columns, block, blocks } = matrixOf(layout, shape);
  const codes = nearest.slice();
  const scales = fitted.slice();
  const height = rows / groups.length;
  for (const [group, ready] of groups.entries()) {
    if (!ready) continue;
    const [from, to] = [group * height, (group + 1) * height];
    const grid = {
      rows: height,
      columns,
      block,
      bits: layout.numeric.bits,
      scales: scales.subarray(from * blocks, to * blocks),
      ...(zeros && { zeros: zeros.subarray(from * blocks, to * blocks) }),
    };
    const values = matrix.subarray(from * columns, to * columns);
    const compensated = await kernels.compensate(values, grid, ready);
    if (refine === 0) codes.set(compensated, from * columns);
    else {
      const better = await kernels.refine(values, { grid, codes: compensated, gram: ready.gram, rounds: refine, scale });
      codes.set(better.codes, from * columns);
      scales.set(better.scales, from * blocks);
    }
  }
  return { codes, scales };
}
