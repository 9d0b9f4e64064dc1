import type { Target } from '../../../core/format.ts';
import type { Layer } from '../../../core/layers.ts';
import type { AffineLayout } from '../../../core/layout.ts';
import type { Execution } from '../../../core/model.ts';

interface Choice {
  readonly kind: Layer['kind'];
  readonly bits: number;
  readonly targets: readonly Target[];
}

/**
 * Where `weight-only` was measured to be no slower than floats at 1 to 2048 rows and keeps float arithmetic; everything else is expanded.
 * The measurements are in docs/lowering.md, made by bench/lowering.ts. WebGPU cannot be measured without a browser: it has float kernels
 * for 4 bits, and memory is short there.
 */
const WEIGHT_ONLY: readonly Choice[] = [
  { kind: 'linear', bits: 4, targets: ['node', 'webgpu'] },
  { kind: 'embedding', bits: 8, targets: ['node', 'wasm', 'webgpu'] },
  { kind: 'embedding', bits: 4, targets: ['node', 'wasm', 'webgpu'] },
];

/**
 * MatMulNBits' accuracy level by bits: 1 computes in floats, 4 rounds activations to 8 bits. Floats are as fast as the original at 4 bits and
 * several times slower at 8 and 2, where only the latter has kernels.
 */
export const ACCURACY_LEVEL: Readonly<Record<number, number>> = { 2: 4, 4: 1, 8: 4 };

export function choose(layer: Layer, layout: AffineLayout, target: Target): Execution {
  const fits = layer.uses.every(({ kind }) =>
    WEIGHT_ONLY.some((choice) => choice.kind === kind && choice.bits === layout.numeric.bits && choice.targets.includes(target)));
  return fits ? 'weight-only' : 'expand';
}
