const { fround } = Math;

/** The sum, in order, in 32-bit floats. */
export function sumOf(values: Float32Array): number {
  let sum = 0;
  for (const value of values) sum = fround(sum + value);
  return sum;
}

/** `times` the mean of the squares, in 32-bit floats. */
export function meanSquare(values: Float32Array, times = 1): number {
  let sum = 0;
  for (const value of values) sum = fround(sum + fround(value * value));
  return fround(fround(times * sum) / values.length);
}

/** ggml's weights where importances are known: large values, and those beside them, count more. */
export function towardsLarge(values: Float32Array, importance: Float32Array, square: number): Float32Array {
  return values.map((x, i) => importance[i]! * fround(Math.sqrt(fround(square + fround(x * x)))));
}

/** What errors count: importances, or all the same. */
export function importanceOf(values: Float32Array, importance: Float32Array | undefined): Float32Array {
  return importance ?? new Float32Array(values.length).fill(1);
}
