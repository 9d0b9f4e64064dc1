/** What rounding did to some values: weighted sums of squared errors, of values times errors, and of squares of values; all of what they became. */
export interface Rounded {
  readonly error: number;
  readonly product: number;
  readonly square: number;
}

/**
 * By how much scales are to be multiplied, after the codes are chosen. Codes and scales of least squared error make values smaller on average, all in the same
 * direction, which adds up over layers where other errors cancel; values that are the least bit larger, as large as they were when measured along the original,
 * predict better at a slightly larger squared error.
 *
 * @returns 1 + by with sum(w x q (1 + by)) = sum(w x x), or as much of it as keeps the squared error within `most`; 1 where there is nothing to gain
 */
export function stretchWithin({ error, product, square }: Rounded, most: number): number {
  const [kept, lost] = [square - product, error - product];
  if (!(kept > 0 && lost > 0 && error < most)) return 1;
  const by = lost / kept;
  if (error + by * (2 * product + by * square) <= most) return 1 + by;
  return 1 + (Math.sqrt(product * product + square * (most - error)) - product) / square;
}
