import type { QuantizeSpec } from '../../core/kernels.ts';

const { fround } = Math;

/** Scale and zero point of one block. The scale is already one that can be stored. */
export interface BlockFit {
  readonly scale: number;
  readonly zero: number;
}

/** Codes are 0 .. `levels`; a symmetric grid has its exact zero at code `middle`. */
export interface Grid {
  readonly levels: number;
  readonly middle: number;
  readonly symmetric: boolean;
  readonly scale: 'f32' | 'f16';
}

export function gridOf({ bits, symmetric, scale }: QuantizeSpec): Grid {
  return { levels: 2 ** bits - 1, middle: 2 ** (bits - 1), symmetric, scale };
}

/** Smallest and largest value, zero included. */
export function rangeOf(block: Float32Array): { low: number; high: number } {
  let low = 0;
  let high = 0;
  for (const value of block) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { low, high };
}

const FLOAT = new Float32Array(1);
const BITS = new Uint32Array(FLOAT.buffer);

/**
 * The nearest scale of the stored type that is not smaller in magnitude, so that rounding a scale never clips a value.
 * At least the smallest normal f32 or the smallest half above zero (never zero, and 1 / scale is finite); at most 65504 for halves.
 */
export function storable(scale: number, type: 'f32' | 'f16'): number {
  const magnitude = Math.abs(fround(scale));
  const stored = type === 'f32' ? Math.max(magnitude, 2 ** -126) : Math.min(halfAbove(magnitude), 65504);
  return scale < 0 || Object.is(scale, -0) ? -stored : stored;
}

function halfAbove(magnitude: number): number {
  if (magnitude < 2 ** -14) return Math.max(1, Math.ceil(magnitude * 2 ** 24)) * 2 ** -24;
  FLOAT[0] = magnitude;
  BITS[0] = (BITS[0]! + 0x1fff) & ~0x1fff;
  return FLOAT[0];
}

export function inverseOf(scale: number): number {
  return scale === 0 ? 0 : fround(1 / scale);
}

/** Nearest integer, ties to even. */
export function nearest(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}

/** Partial sums move from f32 to f64 after this many elements, so that long rows keep their precision. */
export const CHUNK = 256;

/** Squared error of the block in units of the values, computed in f32 in the order of the values. */
export function squaredError(block: Float32Array, { scale, zero }: BlockFit, { levels }: Grid): number {
  const inverse = inverseOf(scale);
  let total = 0;
  for (let from = 0; from < block.length; from += CHUNK) {
    let partial = 0;
    for (let i = from; i < Math.min(from + CHUNK, block.length); i++) {
      const step = fround(block[i]! * inverse);
      const error = fround(step - nearest(clamp(step, -zero, levels - zero)));
      partial = fround(partial + fround(error * error));
    }
    total += partial;
  }
  return total * scale * scale;
}

export function better(block: Float32Array, grid: Grid, best: BlockFit, candidates: Iterable<BlockFit>): BlockFit {
  let least = squaredError(block, best, grid);
  for (const candidate of candidates) {
    const error = squaredError(block, candidate, grid);
    if (error < least) {
      least = error;
      best = candidate;
    }
  }
  return best;
}
