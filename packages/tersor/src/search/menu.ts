import type { Target } from '../core/format.ts';
import type { Step } from '../core/recipe.ts';

/** Steps that are taken together, one after the other. */
type Chain = readonly Step[];

/** What nearly every layer bears, from the fewest bytes to the most faithful. */
const CAREFUL: readonly Chain[] = [
  [{ use: 'rtn', bits: 8, fit: 'mse' }],
  [{ use: 'rtn', bits: 8, block: 32 }],
  [{ use: 'fp16', compute: 'float' }],
];

/** What some layers bear; which ones, only real data can tell. */
const BOLD: readonly Chain[] = [
  [{ use: 'rtn', bits: 2, block: 16, symmetric: false }],
  [{ use: 'rtn', bits: 4, block: 64, symmetric: false }],
  [{ use: 'rtn', bits: 4, block: 32, symmetric: false }],
  [{ use: 'rtn', bits: 4, block: 16, symmetric: false }],
];

/** What makes layers quicker than floats: integers, whose activations are rounded too, and weights that stay small in memory. */
const QUICK: Readonly<Record<Target, readonly Chain[]>> = {
  node: [
    [{ use: 'dynamic-int8' }],
    [{ use: 'rtn', bits: 8, block: 128, execution: 'weight-only' }],
    [{ use: 'rtn', bits: 8, block: 32, execution: 'weight-only' }],
  ],
  wasm: [[{ use: 'dynamic-int8', range: 'full' }]],
  webgpu: [],
};

/** The steps that the search may take for a layer. Without data, less than 8 bits only where the user insists on a size. */
export function menuFor(asked: {
  readonly evidence: 'data' | 'synthetic';
  readonly size?: number | undefined;
  /** The largest ratio to the original's latency. */
  readonly latency?: number | undefined;
  readonly target: Target;
}): readonly Chain[] {
  const { evidence, size, latency, target } = asked;
  return [...(evidence === 'data' || size !== undefined ? BOLD : []), ...(isQuicker(latency) ? QUICK[target] : []), ...CAREFUL];
}

/** Whether the result has to be quicker than the original, which only other operators can be. */
export function isQuicker(latency: number | undefined): latency is number {
  return latency !== undefined && latency < 1;
}
