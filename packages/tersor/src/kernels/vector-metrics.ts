import type { Compensation, VectorGrid } from '../core/kernels.ts';

const { fround } = Math;

/** What errors of each vector cost, and half of what each entry would as one. */
export interface VectorMetrics {
  /** `[vectors, vector, vector]`. */
  readonly metrics: Float32Array;
  /** `[vectors, count, entries]`. */
  readonly halves: Float32Array;
}

/** Of vectors in the order in which they are rounded: what is lost when all that come later make up for it. */
export function metricsOfFactor(grid: VectorGrid, { factor }: Compensation): VectorMetrics {
  const { columns, vector } = grid;
  return metricsBy(grid, (first, metric) => {
    const inverse = inverseOfUpper(factor, columns, first, vector);
    for (let i = 0; i < vector; i++) {
      for (let j = 0; j < vector; j++) {
        let sum = 0;
        for (let k = Math.max(i, j); k < vector; k++) sum += inverse[i * vector + k]! * inverse[j * vector + k]!;
        metric[i * vector + j] = sum;
      }
    }
  });
}

/** Of vectors as they lie, while all others stay. */
export function metricsOfGram(grid: VectorGrid, gram: Float32Array | undefined): VectorMetrics {
  const { columns, vector } = grid;
  return metricsBy(grid, (first, metric) => {
    for (let i = 0; i < vector; i++) {
      for (let j = 0; j < vector; j++) {
        metric[i * vector + j] = gram ? gram[(first + i) * columns + first + j]! : Number(i === j);
      }
    }
  });
}

function metricsBy(
  { columns, vector, count, entries, books }: VectorGrid,
  fill: (first: number, metric: Float32Array) => void,
): VectorMetrics {
  const vectors = columns / vector;
  const metrics = new Float32Array(columns * vector);
  const halves = new Float32Array(vectors * count * entries);
  for (let at = 0, to = 0; at < vectors; at++) {
    const metric = metrics.subarray(at * vector * vector, (at + 1) * vector * vector);
    fill(at * vector, metric);
    for (let entry = 0; entry < count * entries; entry++, to++) {
      let sum = 0;
      for (let i = 0; i < vector; i++) {
        let inner = 0;
        for (let j = 0; j < vector; j++) inner += metric[i * vector + j]! * books[entry * vector + j]!;
        sum += inner * books[entry * vector + i]!;
      }
      halves[to] = fround(sum / 2);
    }
  }
  return { metrics, halves };
}

/** Of the block on the diagonal of an upper triangular matrix. */
function inverseOfUpper(factor: Float32Array, pitch: number, first: number, size: number): Float64Array {
  const at = (i: number, j: number) => factor[(first + i) * pitch + first + j]!;
  const inverse = new Float64Array(size * size);
  for (let j = 0; j < size; j++) {
    inverse[j * size + j] = 1 / at(j, j);
    for (let i = j - 1; i >= 0; i--) {
      let sum = 0;
      for (let k = i + 1; k <= j; k++) sum += at(i, k) * inverse[k * size + j]!;
      inverse[i * size + j] = -sum / at(i, i);
    }
  }
  return inverse;
}
