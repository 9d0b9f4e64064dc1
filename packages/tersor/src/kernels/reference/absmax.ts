import { type BlockFit, better, clamp, type Grid, inverseOf, nearest, rangeOf, storable } from './grid.ts';

const { fround } = Math;

/**
 * Scale and zero point from the extremes of a block.
 *
 * Asymmetric: the range, zero included, is spread over all codes. Symmetric with 8 bits: largest magnitude / 127. Symmetric below 8
 * bits: the value of largest magnitude lands on the lowest code, as in ggml and onnxruntime, or on the highest one, whichever gives the
 * lower squared error; so the scale may be negative. A block of zeros has scale 0.
 *
 * Bound: |value - decoded| <= scale / 2 for every value inside the grid, up to rounding in f32.
 */
export function fitAbsmax(block: Float32Array, grid: Grid): BlockFit {
  const { low, high } = rangeOf(block);
  const { levels, middle } = grid;
  if (low === 0 && high === 0) return { scale: 0, zero: grid.symmetric ? middle : 0 };
  if (!grid.symmetric) {
    const scale = storable((high - low) / levels, grid.scale);
    return { scale, zero: clamp(nearest(fround(-low * inverseOf(scale))), 0, levels) };
  }
  if (levels === 255) return { scale: storable(Math.max(high, -low) / 127, grid.scale), zero: middle };
  const extreme = high > -low ? high : low;
  const down = { scale: storable(extreme / -middle, grid.scale), zero: middle };
  const up = { scale: storable(extreme / (middle - 1), grid.scale), zero: middle };
  return better(block, grid, down, [up]);
}
