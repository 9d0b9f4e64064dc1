/** Twin of assembly/inverse-factor.ts. Sums run from the last index down. */
export function inverseFactor(matrix: Float64Array, size: number): Float64Array | undefined {
  const root = reverseCholesky(matrix, size);
  return root && invertUpper(root, size);
}

/** R with A = RRᵀ, upper triangular. */
function reverseCholesky(matrix: Float64Array, size: number): Float64Array | undefined {
  const root = new Float64Array(size * size);
  for (let j = size - 1; j >= 0; j--) {
    for (let i = j; i >= 0; i--) {
      let sum = matrix[i * size + j]!;
      for (let k = size - 1; k > j; k--) sum -= root[i * size + k]! * root[j * size + k]!;
      if (i < j) root[i * size + j] = sum / root[j * size + j]!;
      else if (!(sum > 0)) return undefined;
      else root[i * size + j] = Math.sqrt(sum);
    }
  }
  return root;
}

function invertUpper(upper: Float64Array, size: number): Float64Array {
  const inverse = new Float64Array(size * size);
  for (let i = size - 1; i >= 0; i--) {
    const pivot = 1 / upper[i * size + i]!;
    inverse[i * size + i] = pivot;
    for (let j = i + 1; j < size; j++) {
      let sum = 0;
      for (let k = j; k > i; k--) sum -= upper[i * size + k]! * inverse[k * size + j]!;
      inverse[i * size + j] = sum * pivot;
    }
  }
  return inverse;
}
