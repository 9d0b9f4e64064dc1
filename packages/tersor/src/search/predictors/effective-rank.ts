import type { Random } from '../../core/random.ts';
import type { Predictor, Subject } from './predictor.ts';
import { squareOf } from './squares.ts';

/** Random vectors that a trace is estimated by; its error is about 1 / sqrt of that. */
const PROBES = 32;

/**
 * The participation ratio of the squared singular values s of W, (Σ s²)² / Σ s⁴: in how many directions it works. Σ s⁴ = tr (W Wᵀ)² is estimated by random
 * vectors v of signs, as the mean of |W Wᵀ v|².
 * Source: Hutchinson 1989, A stochastic estimator of the trace of the influence matrix
 */
export const effectiveRank: Predictor = {
  id: 'effective-rank',
  summary:
    'In how many directions the weight works, as a share of those it has: errors hide less where all matter. The same for every step.',
  source: 'Roy and Vetterli 2007, The effective rank: a measure of effective dimensionality',
  async open({ values, layer, random }) {
    const whole = squareOf(values);
    if (whole === 0) return undefined;
    const at = positionsOf(layer);
    let fourth = 0;
    for (let probe = 0; probe < PROBES; probe++) fourth += spread(values, at, random) / PROBES;
    const result = whole ** 2 / fourth / Math.min(at.rows.length, at.columns.length);
    return async () => result;
  },
};

/** |W Wᵀ v|² for one v. */
function spread(values: Float32Array, { rows, columns }: Positions, random: Random): number {
  const inner = new Float64Array(columns.length);
  for (const start of rows) {
    const sign = random() < 0.5 ? -1 : 1;
    for (let c = 0; c < inner.length; c++) inner[c]! += sign * values[start + columns[c]!]!;
  }
  let sum = 0;
  for (const start of rows) {
    let dot = 0;
    for (let c = 0; c < inner.length; c++) dot += inner[c]! * values[start + columns[c]!]!;
    sum += dot * dot;
  }
  return sum;
}

/** Where rows of the layer's matrix begin in the weight, and how far its columns lie behind that. */
interface Positions {
  readonly rows: Float64Array;
  readonly columns: Float64Array;
}

function positionsOf({ weight: { shape }, outputAxes }: Subject['layer']): Positions {
  const inputAxes = shape.map((_, axis) => axis).filter((axis) => !outputAxes.includes(axis));
  const offsets = (axes: readonly number[]) =>
    axes.reduce((found, axis) => {
      const stride = shape.slice(axis + 1).reduce((product, length) => product * length, 1);
      const length = shape[axis] ?? 1;
      return Float64Array.from({ length: found.length * length }, (_, i) => found[Math.floor(i / length)]! + (i % length) * stride);
    }, Float64Array.of(0));
  return { rows: offsets(outputAxes), columns: offsets(inputAxes) };
}
