/**
 * Keeps the two of every four neighbours with the largest score |value| * norm of the column, as Wanda prunes; of equal scores the
 * earlier ones. One byte a value, 1 where it is kept. `norms` has one entry a column, and columns are a multiple of 4.
 *
 * Source: Sun et al. 2023, A Simple and Effective Pruning Approach for Large Language Models, https://arxiv.org/abs/2306.11695
 */
export function maskTwoOfFour(values: Float32Array, norms: Float32Array): Uint8Array {
  const mask = new Uint8Array(values.length);
  for (let start = 0; start < values.length; start += 4)
    keepLargest(scoresOf(values.subarray(start, start + 4), norms, start), 2, mask.subarray(start));
  return mask;
}

/** The same over whole rows: keeps the `keep` largest scores of every row. */
export function maskRows(values: Float32Array, norms: Float32Array, keep: number): Uint8Array {
  const mask = new Uint8Array(values.length);
  for (let start = 0; start < values.length; start += norms.length) {
    keepLargest(scoresOf(values.subarray(start, start + norms.length), norms, 0), keep, mask.subarray(start));
  }
  return mask;
}

function scoresOf(values: Float32Array, norms: Float32Array, start: number): Float32Array {
  return values.map((value, i) => Math.abs(value) * norms[(start + i) % norms.length]!);
}

function keepLargest(scores: Float32Array, keep: number, mask: Uint8Array): void {
  const order = Array.from(scores.keys()).sort((a, b) => scores[b]! - scores[a]! || a - b);
  for (const i of order.slice(0, keep)) mask[i] = 1;
}
