import { decode } from '../../core/decode.ts';
import { type DType, elementsOf } from '../../core/dtype.ts';
import { TersorError } from '../../core/error.ts';
import type { Kernels, QuantizedBlocks, QuantizeSpec } from '../../core/kernels.ts';
import type { Layer } from '../../core/layers.ts';
import { type AffineLayout, bytesOf, matrixOf } from '../../core/layout.ts';
import { inputAxes, isRowMajor, toMatrix } from '../../core/matrix.ts';
import { defineMethod } from '../../core/method.ts';
import { type Execution, mapWeights, type Weight } from '../../core/model.ts';
import { boolean, integer, oneOf, type Values } from '../../core/options.ts';
import { scaleUnit } from '../../core/scale-unit.ts';
import type { AffineTensor } from '../../core/tensor.ts';
import { int } from '../../numeric/int.ts';

/** What a file pays for the operators of one more compressed weight, about. */
const OPERATORS = 200;

/** `auto`: a scale per row is enough for 8 bits; fewer bits need shorter blocks. */
const BLOCKS = { 8: 'row', 4: 32, 2: 16 } as const;

const ZERO_TYPES = { 8: 'u8', 4: 'u4', 2: 'u2' } as const satisfies Record<number, DType>;

/** Halves hold scales to seven bits from here on, and none from there on. */
const LEAST_HALF = 2 ** -17;
const MOST_HALF = 65504;

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
  execution: oneOf(['auto', 'expand', 'weight-only'], {
    default: 'auto',
    doc: 'expand: to floats when the model is loaded; weight-only: inside the operators, block by block; auto: what was measured to be faster.',
  }),
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
  async apply(model, asked, { scope, kernels, note }) {
    const fit = asked.fit === 'auto' ? (asked.bits === 8 ? 'absmax' : 'mse') : asked.fit;
    const layouts = new Map<string, AffineLayout>();
    for (const layer of scope) {
      const layout = layoutFor(layer, asked);
      const reason = reasonAgainst(layer, layout, asked.minimum);
      if (reason) note(layer.weight.id, reason);
      else layouts.set(layer.weight.id, layout);
    }
    const changed = mapWeights(model, (weight) => {
      const layout = layouts.get(weight.id);
      return layout && { ...weight, layout, load: () => quantize(weight, layout, fit, kernels) };
    });
    return { ...changed, execution: withExecution(model.execution, layouts.keys(), asked.execution) };
  },
});

function layoutFor({ outputAxes, inputs }: Layer, { bits, block, symmetric, scale }: Values<typeof options>): AffineLayout {
  const wanted = block === 'auto' ? BLOCKS[bits] : block;
  return {
    kind: 'affine',
    numeric: int(bits),
    outputs: outputAxes,
    block: wanted === 'row' || wanted >= inputs ? 'row' : wanted,
    scale: { kind: 'dense', dtype: scale },
    ...(!symmetric && { zero: { kind: 'dense', dtype: ZERO_TYPES[bits] } }),
  };
}

function reasonAgainst({ weight, inputs }: Layer, layout: AffineLayout, minimum: number): string | undefined {
  if (weight.layout.kind !== 'dense') return 'is compressed already';
  if (elementsOf(weight.shape) < minimum) return `has fewer than ${minimum} elements`;
  if (inputs < 2) return 'has a single input per output: a scale each would be needed';
  const before = bytesOf(weight);
  return bytesOf({ shape: weight.shape, layout }) + OPERATORS >= before ? `would not become smaller than its ${before} bytes` : undefined;
}

/**
 * Rounds to the nearest step of each block.
 *
 * Bound: within a block's range no weight moves by more than half a step; mse and hqq may choose a range that is narrower than the
 * weights, and those outside move to its end.
 * @throws LAYOUT when a value is infinite or not a number
 */
async function quantize(weight: Weight, layout: AffineLayout, fit: QuantizeSpec['fit'], kernels: Kernels): Promise<AffineTensor> {
  const values = decode(await weight.load());
  const { nonFinite, peak } = await kernels.summarize(values);
  if (nonFinite > 0) {
    throw new TersorError('LAYOUT', weight.id, 'holds values that are infinite or not numbers', 'leave it out with a rule');
  }
  const { rows, columns, block } = matrixOf(layout, weight.shape);
  const matrix = await rowsOf(values, weight.shape, layout.outputs, kernels);
  const spec: QuantizeSpec = {
    rows,
    columns,
    block,
    bits: layout.numeric.bits,
    symmetric: !layout.zero,
    fit,
    scale: layout.scale.dtype === 'f16' ? 'f16' : 'f32',
  };
  const { codes, scales, zeros } = await quantizeInUnits(matrix, spec, peak, kernels);
  return { kind: 'affine', shape: weight.shape, layout, codes, scales, ...(zeros && { zeros }) };
}

/** Halves are stored in units of the weight's own. Only scales that halves alone would hold poorly are worth the second pass that this takes. */
async function quantizeInUnits(matrix: Float32Array, spec: QuantizeSpec, peak: number, kernels: Kernels): Promise<QuantizedBlocks> {
  const plain = await kernels.quantize(matrix, spec);
  if (spec.scale === 'f32' || plain.scales.every((scale) => scale === 0 || (Math.abs(scale) >= LEAST_HALF && Math.abs(scale) < MOST_HALF)))
    return plain;
  const unit = scaleUnit((2 * peak) / 2 ** (spec.bits - 1));
  const blocks = await kernels.quantize(
    matrix.map((value) => value / unit),
    spec,
  );
  return { ...blocks, scales: blocks.scales.map((scale) => scale * unit) };
}

/** The matrix `[outputs, inputs]`; inputs before outputs, as in MatMul, is a transposition, which has a kernel. */
function rowsOf(
  values: Float32Array,
  shape: Weight['shape'],
  outputs: readonly number[],
  kernels: Kernels,
): Promise<Float32Array> | Float32Array {
  const inputs = inputAxes(shape, outputs);
  if (!isRowMajor([...inputs, ...outputs])) return toMatrix(values, shape, outputs);
  const columns = elementsOf(inputs.map((axis) => shape[axis] ?? 1));
  return kernels.transpose(values, columns, values.length / columns);
}

function withExecution(
  before: ReadonlyMap<string, Execution>,
  changed: Iterable<string>,
  execution: Execution | 'auto',
): ReadonlyMap<string, Execution> {
  const after = new Map(before);
  for (const id of changed) {
    if (execution === 'auto') after.delete(id);
    else after.set(id, execution);
  }
  return after;
}
