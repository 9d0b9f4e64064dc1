import { fitAbsmax } from './absmax.ts';
import { type BlockFit, CHUNK, clamp, type Grid, inverseOf, nearest, storable } from './grid.ts';

const { fround } = Math;
const ROUNDS = 8;
/** How hard errors are shrunk at the start, in 1 / steps: 1 explains away what is off by more than a step, 8 by more than a fifth. */
const BETAS = [1, 2, 4, 8];

/**
 * Half-quadratic quantization: minimises the sum of |error|^p with p = 3/4, which forgives outliers, by turns: errors beyond what the
 * shrinkage allows are explained away, then scale (and zero point, when there is one) are fitted to the rest by least squares.
 *
 * p is 3/4 instead of the paper's 0.7 because square roots give the same bits everywhere and powers do not. Errors are measured in
 * steps, which makes the shrinkage independent of the weights' size. Runs from absmax with four strengths of shrinkage and keeps the
 * best of all rounds; never worse than absmax in its own objective.
 *
 * Source: Badri and Shaji 2023, Half-Quadratic Quantization of Large Machine Learning Models, https://mobiusml.github.io/hqq_blog/
 */
export function fitHqq(block: Float32Array, grid: Grid): BlockFit {
  const start = fitAbsmax(block, grid);
  if (start.scale === 0) return start;
  let fits: BlockFit[] = BETAS.map(() => start);
  let best = start;
  let least = Number.POSITIVE_INFINITY;
  let growth = 1;
  for (let round = 0; round < ROUNDS; round++) {
    const sums = fits.map((fit, i) => accumulate(block, fit, grid, fround(BETAS[i]! * growth)));
    fits.forEach((fit, i) => {
      const objective = sums[i]!.objective * powerOf(fit.scale);
      if (objective < least) {
        least = objective;
        best = fit;
      }
    });
    fits = fits.map((fit, i) => improve(fit, sums[i]!, grid, block.length));
    growth = fround(growth * 1.25);
  }
  return best;
}

/** Sum of |error|^(3/4) of a block, in units of the values. */
export function lpError(block: Float32Array, fit: BlockFit, grid: Grid): number {
  return accumulate(block, fit, grid, 1).objective * powerOf(fit.scale);
}

function powerOf(scale: number): number {
  const root = Math.sqrt(Math.abs(scale));
  return root * Math.sqrt(root);
}

type Sums = Record<'objective' | 'product' | 'square' | 'offset', number>;

function accumulate(block: Float32Array, { scale, zero }: BlockFit, { levels }: Grid, beta: number): Sums {
  const inverse = inverseOf(scale);
  const sums: Sums = { objective: 0, product: 0, square: 0, offset: 0 };
  for (let from = 0; from < block.length; from += CHUNK) {
    const partial: Sums = { objective: 0, product: 0, square: 0, offset: 0 };
    for (let i = from; i < Math.min(from + CHUNK, block.length); i++) {
      const step = fround(block[i]! * inverse);
      const code = nearest(clamp(step, -zero, levels - zero));
      const error = fround(step - code);
      const root = fround(Math.sqrt(Math.abs(error)));
      const quarter = fround(Math.sqrt(root));
      const shrunk = Math.max(0, fround(Math.abs(error) - fround(1 / fround(beta * quarter))));
      const target = fround(step - (error < 0 ? -shrunk : shrunk));
      partial.objective = fround(partial.objective + fround(root * quarter));
      partial.product = fround(partial.product + fround(code * target));
      partial.square = fround(partial.square + fround(code * code));
      partial.offset = fround(partial.offset + fround(code - target));
    }
    sums.objective += partial.objective;
    sums.product += partial.product;
    sums.square += partial.square;
    sums.offset += partial.offset;
  }
  return sums;
}

function improve({ scale, zero }: BlockFit, { product, square, offset }: Sums, grid: Grid, count: number): BlockFit {
  return {
    scale: product > 0 && square > 0 ? storable(scale * (product / square), grid.scale) : scale,
    zero: grid.symmetric ? zero : clamp(zero + nearest(offset / count), 0, grid.levels),
  };
}
