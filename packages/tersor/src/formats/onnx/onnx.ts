import { isFloat } from '../../core/dtype.ts';
import { TersorError } from '../../core/error.ts';
import type { Format, Size } from '../../core/format.ts';
import type { WeightId } from '../../core/graph.ts';
import type { AffineLayout } from '../../core/layout.ts';
import type { Model, Weight } from '../../core/model.ts';
import { lift } from './lift.ts';
import { isStoredAsUsed } from './lower/plan.ts';
import { type Lowered, lower } from './lower.ts';
import { openOnnx } from './open.ts';
import { sizeOnnx, writeOnnx } from './write.ts';

/** ONNX: compressed weights become standard operators, or onnxruntime's own where those were measured to be better. */
export const onnx: Format = {
  id: 'onnx',
  extensions: ['.onnx'],
  open: openOnnx,
  refuses: (model, weight) => refuses(weight, opsetOf(model)),
  lift,
  size: async (model, target) => {
    mustHold(model);
    const lowered = await lower(model, target);
    return perWeight(await sizeOnnx(lowered.model), lowered);
  },
  write: async (model, store, name, { target, kernels, ...options }) => {
    mustHold(model);
    const lowered = await lower(model, target, kernels);
    return perWeight(await writeOnnx(lowered.model, store, name, options), lowered);
  },
};

/** @throws LAYOUT */
function mustHold(model: Model): void {
  const opset = opsetOf(model);
  for (const weight of model.weights.values()) {
    const reason = refuses(weight, opset);
    if (reason !== undefined) throw new TersorError('LAYOUT', weight.id, reason, 'leave it out with a rule, or export the model again');
  }
}

/** Before operator set 7, Sub and Mul broadcast by attributes; bfloat16 came with 13. */
function refuses(weight: Weight, opset: number): string | undefined {
  const { layout, dtype } = weight;
  if (layout.kind === 'sparse' || isStoredAsUsed(weight)) return undefined;
  if (dtype === 'string' || !isFloat(dtype)) return `weights of type ${dtype} are stored as they are`;
  if (opset < 7) return `operator set ${opset} cannot expand compressed weights: it takes 7 or newer`;
  if (layout.kind === 'affine') return refusesCodes(layout);
  if (layout.kind === 'levels' || layout.kind === 'codebook') return undefined;
  if (layout.kind === 'blocks') return 'no operator reads the blocks of ggml';
  if (!isFloat(layout.dtype)) return `${layout.dtype} is no floating type`;
  return layout.dtype === 'bf16' && opset < 13 ? `operator set ${opset} does not know bf16: it takes 13 or newer` : undefined;
}

function refusesCodes({ numeric, scale, zero, order }: AffineLayout): string | undefined {
  if (numeric.values) return `no operator reads ${numeric.id}`;
  if (order) return 'no operator has blocks of inputs that are no neighbours';
  if (numeric.lo !== -(2 ** (numeric.bits - 1)) || ![2, 4, 8].includes(numeric.bits))
    return `no operator reads ${numeric.id}: it takes integers of 2, 4 or 8 bits`;
  if (scale.dtype !== 'f16' && scale.dtype !== 'f32') return `scales of type ${scale.dtype}: it takes f16 or f32`;
  return zero && zero.dtype !== `u${numeric.bits}` ? `zero points of type ${zero.dtype}: it takes u${numeric.bits}` : undefined;
}

function opsetOf({ graph }: Model): number {
  return graph?.opsets.get('') ?? graph?.opsets.get('ai.onnx') ?? 0;
}

/** What was stored for each weight of the model that was lowered. */
function perWeight({ bytes, weights }: Size, { owners }: Lowered): Size {
  const sums = new Map<WeightId, number>();
  for (const [id, size] of weights) {
    const owner = owners.get(id) ?? id;
    sums.set(owner, (sums.get(owner) ?? 0) + size);
  }
  return { bytes, weights: sums };
}
