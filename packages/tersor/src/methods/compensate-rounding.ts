import type { Compensation, Kernels } from '../core/kernels.ts';

/** A Gram matrix made ready to compensate by. */
export interface Prepared extends Compensation {
  /** Of the mean of the diagonal, what had to be added to it. */
  readonly damping: number;
}

/** What is added to the diagonal at most, in steps of ten. */
const MOST_DAMPING = 10;

/**
 * @param gram  XᵀX, `[columns, columns]`
 * @param damping  of the mean of its diagonal, to begin with: more where the matrix takes it
 * @param byMagnitude  columns that see the largest activations are rounded first, while all others can still make up for them
 * @returns undefined where nothing was seen, or values that are not finite
 */
export async function prepareCompensation(
  gram: Float64Array,
  columns: number,
  damping: number,
  byMagnitude: boolean,
  kernels: Pick<Kernels, 'inverseFactor'>,
): Promise<Prepared | undefined> {
  const diagonal = Float64Array.from({ length: columns }, (_, i) => gram[i * columns + i]!);
  const mean = diagonal.reduce((sum, value) => sum + value, 0) / columns;
  if (!(mean > 0) || !Number.isFinite(mean)) return undefined;
  const order = Uint32Array.from(diagonal.keys());
  if (byMagnitude) order.sort((a, b) => diagonal[b]! - diagonal[a]! || a - b);
  for (let share = damping; share <= MOST_DAMPING; share *= 10) {
    const ordered = new Float64Array(columns * columns);
    for (let i = 0; i < columns; i++) {
      for (let j = i; j < columns; j++) ordered[i * columns + j] = gram[order[i]! * columns + order[j]!]!;
      ordered[i * columns + i]! += share * mean;
    }
    const factor = await kernels.inverseFactor(ordered, columns);
    if (factor) return { order, factor: Float32Array.from(factor), damping: share };
  }
  return undefined;
}
