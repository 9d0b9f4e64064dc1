import type { Target } from '../../../core/format.ts';
import type { Layer } from '../../../core/layers.ts';
import type { AffineLayout } from '../../../core/layout.ts';
import type { Execution } from '../../../core/model.ts';

interface Choice {
  readonly kind: Layer['kind'];
  readonly bits: readonly number[];
  readonly targets: readonly Target[];
}

/**
 * What stays small, by what was measured (docs/lowering.md, made by bench/lowering.ts); everything else is expanded.
 *
 * - Linear, 4 bits: on onnxruntime-node in float arithmetic, and no slower than floats that come from memory; on WebAssembly many times
 *   slower at few rows. WebGPU was not measured: it has float kernels for 4 bits, and memory is short there.
 * - WebGPU's GatherBlockQuantized refuses 2 bits (https://github.com/microsoft/onnxruntime/issues/28895).
 * - Embeddings: looking rows up is microseconds beside the products that follow, and the largest table of a model is never expanded.
 */
const WEIGHT_ONLY: readonly Choice[] = [
  { kind: 'linear', bits: [4], targets: ['node', 'webgpu'] },
  { kind: 'embedding', bits: [2, 4, 8], targets: ['node', 'wasm'] },
  { kind: 'embedding', bits: [4, 8], targets: ['webgpu'] },
];

/**
 * MatMulNBits' accuracy level by bits: 1 computes in floats; 4 rounds activations to 8 bits, an error of 0.5 % of the product. At 8 and 2 bits
 * onnxruntime-node has quick kernels for the latter only. WebAssembly always computes in floats.
 */
export const ACCURACY_LEVEL: Readonly<Record<number, number>> = { 2: 4, 4: 1, 8: 4 };

export function choose(layer: Layer, layout: AffineLayout, target: Target): Execution {
  const fits = layer.uses.every(({ kind }) =>
    WEIGHT_ONLY.some((choice) => choice.kind === kind && choice.bits.includes(layout.numeric.bits) && choice.targets.includes(target)),
  );
  return fits ? 'weight-only' : 'expand';
}
