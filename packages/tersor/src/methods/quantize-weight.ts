import { decode } from '../core/decode.ts';
import { TersorError } from '../core/error.ts';
import type { Kernels, Quantized, QuantizedBlocks, QuantizeSpec } from '../core/kernels.ts';
import { type AffineLayout, matrixOf } from '../core/layout.ts';
import { inputAxes, isRowMajor, toMatrix } from '../core/matrix.ts';
import type { Weight } from '../core/model.ts';
import { scaleUnit } from '../core/scale-unit.ts';
import type { AffineTensor } from '../core/tensor.ts';

/** Halves hold scales to seven bits from here on, and none from there on. */
const LEAST_HALF = 2 ** -17;
const MOST_HALF = 65504;

/**
 * Rounds to the nearest step of each block.
 *
 * Bound: within a block's range no weight moves by more than half a step; mse and hqq may choose a range that is narrower than the
 * weights, and those outside move to its end.
 * @param levelBits  fewer than the layout's: only the middle of its grid is used
 * @throws LAYOUT when a value is infinite or not a number
 */
export async function quantizeWeight(
  weight: Weight,
  layout: AffineLayout,
  fit: QuantizeSpec['fit'],
  kernels: Kernels,
  levelBits: number = layout.numeric.bits,
): Promise<AffineTensor> {
  const values = decode(await weight.load());
  const { rows, columns, block } = matrixOf(layout, weight.shape);
  // inputs before outputs, as in MatMul: the kernel turns it
  const transposed = isRowMajor([...inputAxes(weight.shape, layout.outputs), ...layout.outputs]);
  const matrix = transposed ? values : toMatrix(values, weight.shape, layout.outputs);
  const spec: QuantizeSpec = {
    rows,
    columns,
    block,
    bits: levelBits,
    symmetric: !layout.zero,
    fit,
    scale: layout.scale.dtype === 'f16' ? 'f16' : 'f32',
    transposed,
  };
  const plain = await kernels.quantize(matrix, spec);
  if (!Number.isFinite(plain.peak)) {
    throw new TersorError('LAYOUT', weight.id, 'holds values that are infinite or not numbers', 'leave it out with a rule');
  }
  const { codes, scales, zeros } = await inUnits(plain, matrix, spec, kernels);
  const middle = 2 ** (layout.numeric.bits - 1) - 2 ** (levelBits - 1);
  if (middle > 0) for (let i = 0; i < codes.length; i++) codes[i]! += middle;
  return { kind: 'affine', shape: weight.shape, layout, codes, scales, ...(zeros && { zeros }) };
}

/** Halves are stored in units of the weight's own. Only scales that halves alone would hold poorly are worth the second pass that this takes. */
async function inUnits(plain: Quantized, matrix: Float32Array, spec: QuantizeSpec, kernels: Kernels): Promise<QuantizedBlocks> {
  if (spec.scale === 'f32') return plain;
  const { least, peak, nonFinite } = await kernels.summarize(plain.scales);
  if (nonFinite === 0 && (least === 0 || least >= LEAST_HALF) && peak < MOST_HALF) return plain;
  const unit = scaleUnit((2 * plain.peak) / 2 ** (spec.bits - 1));
  const blocks = await kernels.quantize(
    matrix.map((value) => value / unit),
    spec,
  );
  return { ...blocks, scales: blocks.scales.map((scale) => scale * unit) };
}
