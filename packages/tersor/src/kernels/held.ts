import { BLOCK_TYPES, type WritableBlock } from '../core/blocks/block-types.ts';
import { TersorError } from '../core/error.ts';
import { peakOf } from './reference/peak.ts';

/** Every type holds values up to here: scales are halves. */
const HELD = 2 ** 15;
/** A largest value that shrinks to less than this share of itself is lost. */
const KEPT = 0.25;

/** @param peak  the largest magnitude  @throws LAYOUT when a value is infinite or not a number */
export function checkFinite(peak: number): void {
  if (!Number.isFinite(peak)) throw new TersorError('LAYOUT', 'kernels', 'holds values that are infinite or not numbers');
}

/**
 * Makes sure that blocks stand for the values that they were made of: not every scale that large values need is a half.
 * @param peak  the largest magnitude
 * @throws LAYOUT when a block lost its large values
 */
export function checkHeld(values: Float32Array, peak: number, type: WritableBlock, bytes: Uint8Array): void {
  if (peak <= HELD) return;
  const block = BLOCK_TYPES[type];
  const decoded = new Float32Array(block.values);
  for (let i = 0; i * block.values < values.length; i++) {
    const largest = peakOf(values.subarray(i * block.values, (i + 1) * block.values));
    if (largest <= HELD) continue;
    block.decode(bytes, i * block.bytes, decoded, 0);
    const kept = peakOf(decoded);
    if (Number.isFinite(kept) && kept >= KEPT * largest) continue;
    throw new TersorError('LAYOUT', 'kernels', `holds values up to ${largest.toPrecision(3)}, which blocks of ${type} cannot`);
  }
}

/** Up to here scales, or what scales are multiplied by, may be smaller than the smallest halves, or a few of those. */
const TINY = 2 ** -10;

/** Blocks of small values that are farther from them than zeros are become zeros. @param leastPeak  the largest magnitude of the block where that is smallest */
export function clearWorse(values: Float32Array, leastPeak: number, type: WritableBlock, bytes: Uint8Array): void {
  if (leastPeak > TINY) return;
  const block = BLOCK_TYPES[type];
  const decoded = new Float32Array(block.values);
  for (let i = 0; i * block.values < values.length; i++) {
    const small = values.subarray(i * block.values, (i + 1) * block.values);
    if (peakOf(small) > TINY) continue;
    block.decode(bytes, i * block.bytes, decoded, 0);
    let [error, square] = [0, 0];
    for (let j = 0; j < block.values; j++) {
      const value = small[j]!;
      error += (value - decoded[j]!) ** 2;
      square += value ** 2;
    }
    if (error > square) bytes.fill(0, i * block.bytes, (i + 1) * block.bytes);
  }
}
