/**
 * The upper triangular U with A⁻¹ = UᵀU, of a symmetric positive definite A.
 *
 * A = RRᵀ with an upper R, found from the last row up, gives U = R⁻¹: one factorisation and one triangular inverse instead of an inverse and another
 * factorisation, and no matrix that is both large and ill-conditioned.
 * @param matrix  `[size, size]`; only its upper triangle is read
 * @returns `[size, size]`, zeros below the diagonal; undefined when A is not positive definite in this arithmetic
 * Source: Frantar et al. 2022, GPTQ, https://arxiv.org/abs/2210.17323, section 3, step 3, for what it is needed.
 */
export function inverseFactor(matrix: Float64Array, size: number): Float64Array | undefined {
  const root = reverseCholesky(matrix, size);
  return root && invertUpper(root, size);
}

function reverseCholesky(matrix: Float64Array, size: number): Float64Array | undefined {
  const root = new Float64Array(size * size);
  for (let j = size - 1; j >= 0; j--) {
    const rowJ = j * size;
    for (let i = j; i >= 0; i--) {
      const rowI = i * size;
      let sum = matrix[rowI + j]!;
      for (let k = j + 1; k < size; k++) sum -= root[rowI + k]! * root[rowJ + k]!;
      if (i < j) root[rowI + j] = sum / root[rowJ + j]!;
      else if (!(sum > 0)) return undefined;
      else root[rowJ + j] = Math.sqrt(sum);
    }
  }
  return root;
}

function invertUpper(upper: Float64Array, size: number): Float64Array {
  const inverse = new Float64Array(size * size);
  for (let i = size - 1; i >= 0; i--) {
    const row = i * size;
    const pivot = 1 / upper[row + i]!;
    inverse[row + i] = pivot;
    for (let k = i + 1; k < size; k++) {
      const factor = -pivot * upper[row + k]!;
      if (factor === 0) continue;
      for (let j = k, from = k * size; j < size; j++) inverse[row + j]! += factor * inverse[from + j]!;
    }
  }
  return inverse;
}
