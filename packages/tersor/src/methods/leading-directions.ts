import type { Random } from '../core/random.ts';

/** A matrix E, and the Gram matrix G of what it multiplies. */
export interface Weighed {
  /** `[rows, columns]`. */
  readonly matrix: Float32Array;
  readonly rows: number;
  readonly columns: number;
  /** `[columns, columns]`; absent: the identity. */
  readonly gram?: Float64Array;
}

/** Directions more than are asked for, and rounds: the last of those asked for is found to a percent or so. */
const MORE = 8;
const ROUNDS = 8;

/**
 * The directions of outputs in which E moves most of what it multiplies: the leading eigenvectors U of E G Eᵀ, by subspace iteration. U Uᵀ E is then of all
 * matrices of that rank the nearest to E, by what it does to inputs with that Gram matrix.
 * @returns `[rank, rows]`, orthonormal, the largest first; fewer than `rank` where E has no more
 * Sources: Halko, Martinsson and Tropp 2011, https://arxiv.org/abs/0909.4061, algorithm 4.4; the weighted optimum: Zhang et al. 2024, LQER, https://arxiv.org/abs/2402.02446
 */
export function leadingDirections(weighed: Weighed, rank: number, random: Random): Float64Array[] {
  const { rows, columns } = weighed;
  const count = Math.min(rank + MORE, rows, columns);
  let basis = orthonormal(Array.from({ length: count }, () => Float64Array.from({ length: rows }, () => random() - 0.5)));
  for (let round = 0; round < ROUNDS; round++) basis = orthonormal(basis.map((vector) => spread(weighed, vector)));
  const images = basis.map((vector) => spread(weighed, vector));
  const { values, vectors } = eigen(basis.map((a) => images.map((b) => dot(a, b))));
  const least = Math.max(0, ...values) * 1e-12;
  return values.flatMap((value, at) => {
    if (at >= rank || value <= least) return [];
    const direction = new Float64Array(rows);
    for (const [i, vector] of basis.entries()) for (let row = 0; row < rows; row++) direction[row]! += vectors[at]![i]! * vector[row]!;
    return [direction];
  });
}

/** Eᵀ v. */
export function transposedTimes({ matrix, rows, columns }: Weighed, v: Float64Array): Float64Array {
  const result = new Float64Array(columns);
  for (let row = 0, i = 0; row < rows; row++) {
    const factor = v[row]!;
    for (let column = 0; column < columns; column++, i++) result[column]! += factor * matrix[i]!;
  }
  return result;
}

/** E G Eᵀ v. */
function spread(weighed: Weighed, v: Float64Array): Float64Array {
  const { matrix, rows, columns, gram } = weighed;
  const inner = transposedTimes(weighed, v);
  const seen = gram ? new Float64Array(columns) : inner;
  if (gram) for (let i = 0, at = 0; i < columns; i++) for (let j = 0; j < columns; j++, at++) seen[i]! += gram[at]! * inner[j]!;
  const result = new Float64Array(rows);
  for (let row = 0, i = 0; row < rows; row++)
    for (let column = 0; column < columns; column++, i++) result[row]! += matrix[i]! * seen[column]!;
  return result;
}

/** Gram and Schmidt, twice, which is enough; what depends on those before it goes. */
function orthonormal(vectors: readonly Float64Array[]): Float64Array[] {
  const basis: Float64Array[] = [];
  for (const vector of vectors) {
    const result = vector.slice();
    const before = Math.sqrt(dot(result, result));
    for (let pass = 0; pass < 2; pass++) {
      for (const other of basis) {
        const share = dot(result, other);
        for (let i = 0; i < result.length; i++) result[i]! -= share * other[i]!;
      }
    }
    const length = Math.sqrt(dot(result, result));
    if (length > 1e-10 * before && length > 0) basis.push(result.map((value) => value / length));
  }
  return basis;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/**
 * Eigenvalues of a small symmetric matrix, the largest first, and their vectors, by rotations.
 * Source: Golub and Van Loan, Matrix Computations, 4th edition, section 8.5 (cyclic Jacobi)
 */
function eigen(matrix: readonly (readonly number[])[]): { readonly values: number[]; readonly vectors: Float64Array[] } {
  const size = matrix.length;
  const a = matrix.map((row, i) => Float64Array.from(row, (value, j) => (value + matrix[j]![i]!) / 2));
  const vectors = a.map((_, i) => Float64Array.from({ length: size }, (__, j) => (i === j ? 1 : 0)));
  for (let sweep = 0; sweep < 30; sweep++) {
    let off = 0;
    for (let p = 0; p < size; p++) {
      for (let q = p + 1; q < size; q++) {
        const pq = a[p]![q]!;
        off += pq * pq;
        if (pq === 0) continue;
        const theta = (a[q]![q]! - a[p]![p]!) / (2 * pq);
        const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        const c = 1 / Math.sqrt(t * t + 1);
        turn(a, p, q, c, t * c);
        turnRows(vectors, p, q, c, t * c);
      }
    }
    if (off < 1e-30 * a.reduce((sum, row, i) => sum + row[i]! ** 2, 0)) break;
  }
  const order = [...a.keys()].sort((i, j) => a[j]![j]! - a[i]![i]!);
  return { values: order.map((i) => a[i]![i]!), vectors: order.map((i) => vectors[i]!) };
}

function turn(a: readonly Float64Array[], p: number, q: number, c: number, s: number): void {
  turnRows(a, p, q, c, s);
  for (const row of a) [row[p], row[q]] = [c * row[p]! - s * row[q]!, s * row[p]! + c * row[q]!];
}

function turnRows(rows: readonly Float64Array[], p: number, q: number, c: number, s: number): void {
  const [a, b] = [rows[p]!, rows[q]!];
  for (let i = 0; i < a.length; i++) [a[i], b[i]] = [c * a[i]! - s * b[i]!, s * a[i]! + c * b[i]!];
}
