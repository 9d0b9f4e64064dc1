import type { DType, Shape } from '../../../core/dtype.ts';
import type { Kernels } from '../../../core/kernels.ts';
import type { AffineLayout } from '../../../core/layout.ts';
import { scaleUnit } from '../../../core/scale-unit.ts';
import type { AffineTensor, CodebookTensor } from '../../../core/tensor.ts';
import { type Chain, onnxType, pays } from './builder.ts';
import { floatBytes, type Part } from './part.ts';

type Scaled = AffineTensor | CodebookTensor;

/** How a weight's scales are stored, and read back as floats. */
export interface StoredScales {
  readonly parts: readonly Part<Scaled>[];
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
  const unit: Part<Scaled> = {
    suffix: 'u',
    dtype: 'f32',
    shape: [],
    bytes: async ({ scales }, kernels) => floatBytes(Float32Array.of(await unitOf(scales, kernels)), 'f32', kernels),
  };
  const inUnits: Part<Scaled>['bytes'] = async ({ scales }, kernels) => {
    const halves = await kernels.toHalf(await inOrder(scales, kernels), await unitOf(scales, kernels));
    return new Uint8Array(halves.buffer, halves.byteOffset, halves.byteLength);
  };
  return {
    parts: [{ suffix: 's', dtype: 'f16', shape, bytes: inUnits }, unit],
    read: ([scales = '', factor = ''], chain) => chain.add('Mul', [chain.add('Cast', [scales], { to: onnxType('f32') }), factor]),
  };
}

/** Halves as they are, for operators that compute in halves and want them so. */
export function halves(shape: Shape): StoredScales {
  return { parts: [scalesPart('f16', shape, async ({ scales }) => scales)], read: ([scales = '']) => scales };
}

async function unitOf(scales: Float32Array, kernels: Kernels): Promise<number> {
  return scaleUnit((await kernels.summarize(scales)).peak);
}

function scalesPart(dtype: DType, shape: Shape, values: (tensor: Scaled, kernels: Kernels) => Promise<Float32Array>): Part<Scaled> {
  return { suffix: 's', dtype, shape, bytes: async (tensor, kernels) => floatBytes(await values(tensor, kernels), dtype, kernels) };
}
