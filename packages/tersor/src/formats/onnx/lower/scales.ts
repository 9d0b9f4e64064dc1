import type { DType, Shape } from '../../../core/dtype.ts';
import type { Kernels } from '../../../core/kernels.ts';
import type { AffineLayout } from '../../../core/layout.ts';
import { largestMagnitude, scaleUnit } from '../../../core/scale-unit.ts';
import type { AffineTensor } from '../../../core/tensor.ts';
import { type Chain, onnxType, pays } from './builder.ts';
import { floatBytes, type Part } from './part.ts';

/** How a weight's scales are stored, and read back as floats. */
export interface StoredScales {
  readonly parts: readonly Part[];
  /** The scales as 32-bit floats; `names` are the parts'. Constant, so the runtime folds it. */
  read(names: readonly string[], chain: Chain): string;
}

/** Scales in order as the file wants them. */
type InOrder = (scales: Float32Array, kernels: Kernels) => Promise<Float32Array>;

/** Halves in units of a power of two of the weight's own where they save more than reading them costs, otherwise floats. */
export function storeScales({ scale }: Pick<AffineLayout, 'scale'>, shape: Shape, inOrder: InOrder): StoredScales {
  if (scale.dtype !== 'f16' || !pays(shape, 'f16', 'f32', 2)) {
    return { parts: [scalesPart('f32', shape, async ({ scales }, kernels) => inOrder(scales, kernels))], read: ([scales = '']) => scales };
  }
  const unit: Part = {
    suffix: 'u',
    dtype: 'f32',
    shape: [],
    bytes: async (tensor, kernels) => floatBytes(Float32Array.of(unitOf(tensor)), 'f32', kernels),
  };
  const inUnits = (tensor: AffineTensor, kernels: Kernels) => {
    const factor = unitOf(tensor);
    return inOrder(
      tensor.scales.map((value) => value / factor),
      kernels,
    );
  };
  return {
    parts: [scalesPart('f16', shape, inUnits), unit],
    read: ([scales = '', factor = ''], chain) => chain.add('Mul', [chain.add('Cast', [scales], { to: onnxType('f32') }), factor]),
  };
}

/** Halves as they are, for operators that compute in halves and want them so. */
export function halves(shape: Shape): StoredScales {
  return { parts: [scalesPart('f16', shape, async ({ scales }) => scales)], read: ([scales = '']) => scales };
}

function unitOf({ scales }: AffineTensor): number {
  return scaleUnit(largestMagnitude(scales));
}

function scalesPart(dtype: DType, shape: Shape, values: (tensor: AffineTensor, kernels: Kernels) => Promise<Float32Array>): Part {
  return { suffix: 's', dtype, shape, bytes: async (tensor, kernels) => floatBytes(await values(tensor, kernels), dtype, kernels) };
}
