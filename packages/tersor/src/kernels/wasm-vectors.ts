import type { Compensation, RefinedVectors, VectorGrid, VectorRefinement } from '../core/kernels.ts';
import type { Loops } from './loops.ts';
import type { Instances } from './memory.ts';
import { metricsOfFactor, metricsOfGram } from './vector-metrics.ts';

/** Rows that the kernels take together. */
const STRIP = 8;
/** Columns whose errors are gathered, as the kernel has it. */
const BATCH = 32;

/** Twins of reference/vectors.ts. */
export function wasmVectors(instances: Instances): Pick<Loops, 'clusterVectors' | 'compensateVectors' | 'refineVectors'> {
  return {
    clusterVectors: (values, weights, book, vector, rounds) => clusterVectors(instances, values, weights, book, vector, rounds),
    compensateVectors: (values, grid, by) => compensateVectors(instances, values, grid, by),
    refineVectors: (values, by) => refineVectors(instances, values, by),
  };
}

/** Vectors that are not there weigh nothing. */
function clusterVectors(
  instances: Instances,
  values: Float32Array,
  weights: Float32Array,
  start: Float32Array,
  vector: number,
  rounds: number,
): Float32Array {
  const count = values.length / vector;
  const padded = Math.ceil(count / 4) * 4;
  const table = 4 * padded * vector;
  return instances.use([table, table, start.byteLength, 16 * start.length], ({ call, bytes }, toValues, toWeights, toBook, sums) => {
    const floats = new Float32Array(bytes.buffer);
    for (const [from, to] of [
      [values, toValues / 4],
      [weights, toWeights / 4],
    ] as const) {
      if (padded > count) floats.fill(0, to, to + padded * vector);
      for (let j = 0; j < vector; j++) for (let i = 0; i < count; i++) floats[to + j * padded + i] = from[i * vector + j]!;
    }
    floats.set(start, toBook / 4);
    call('clusterVectors', toValues, toWeights, padded, vector, toBook, start.length / vector, rounds, sums);
    return floats.slice(toBook / 4, toBook / 4 + start.length);
  });
}

function compensateVectors(instances: Instances, values: Float32Array, grid: VectorGrid, by: Compensation): Uint8Array {
  const { rows, columns, vector, count, entries, books } = grid;
  const { order, factor } = by;
  const { metrics, halves } = metricsOfFactor(grid, by);
  const indices = new Uint8Array(count * rows * (columns / vector));
  const strip = 4 * STRIP * columns;
  instances.use(
    [
      strip,
      order.byteLength,
      factor.byteLength,
      4 * STRIP,
      metrics.byteLength,
      books.byteLength,
      halves.byteLength,
      4 * STRIP * BATCH,
      STRIP * count * (columns / vector),
    ],
    ({ call, bytes }, toValues, toOrder, toFactor, toScales, toMetrics, toBooks, toHalves, errors, toIndices) => {
      const floats = new Float32Array(bytes.buffer);
      floats.set(factor, toFactor / 4);
      floats.set(metrics, toMetrics / 4);
      floats.set(books, toBooks / 4);
      floats.set(halves, toHalves / 4);
      new Uint32Array(bytes.buffer).set(order, toOrder / 4);
      for (let top = 0; top < rows; top += STRIP) {
        turnIn(floats, toValues / 4, toScales / 4, values, grid, top);
        const tables = [toScales, toMetrics, toBooks, toHalves];
        call('compensateVectors', toValues, columns, vector, toOrder, toFactor, ...tables, count, entries, errors, toIndices);
        turnOut(bytes.subarray(toIndices), indices, grid, top);
      }
    },
  );
  return indices;
}

/** Where columns see one another, they are filled up with such as see nothing. */
function refineVectors(instances: Instances, values: Float32Array, { grid, indices: before, gram }: VectorRefinement): RefinedVectors {
  const { rows, columns, vector, count, entries, books } = grid;
  const padded = gram ? paddedColumns(columns, vector) : columns;
  const whole = { ...grid, columns: padded };
  const seen = gram && padGram(gram, columns, padded);
  const { metrics, halves } = metricsOfGram(whole, seen);
  const indices = before.slice();
  const strip = 4 * STRIP * padded;
  const [table, pairs] = [4 * STRIP, 16 * count * entries * vector];
  const sizes = [strip, seen?.byteLength ?? 0, table, metrics.byteLength, books.byteLength, halves.byteLength, strip, strip];
  return instances.use(
    [...sizes, STRIP * count * (padded / vector), pairs, 16],
    ({ call, bytes }, toValues, toGram, toScales, toMetrics, toBooks, toHalves, gradient, deltas, toIndices, sums, toLosses) => {
      const floats = new Float32Array(bytes.buffer);
      const doubles = new Float64Array(bytes.buffer);
      if (seen) floats.set(seen, toGram / 4);
      floats.set(metrics, toMetrics / 4);
      floats.set(books, toBooks / 4);
      floats.set(halves, toHalves / 4);
      doubles.fill(0, sums / 8, (sums + pairs) / 8);
      doubles.fill(0, toLosses / 8, toLosses / 8 + 2);
      const own = bytes.subarray(toIndices, toIndices + STRIP * count * (padded / vector));
      for (let top = 0; top < rows; top += STRIP) {
        floats.fill(0, toValues / 4, (toValues + strip) / 4);
        turnIn(floats, toValues / 4, toScales / 4, values, grid, top);
        own.fill(0);
        for (let book = 0, at = 0; book < count; book++) {
          for (let row = top; row < Math.min(rows, top + STRIP); row++) {
            at = (book * rows + row) * (columns / vector);
            for (let i = 0; i < columns / vector; i++) own[(i * count + book) * STRIP + row - top] = indices[at + i]!;
          }
        }
        const tables = [toScales, toMetrics, toBooks, toHalves];
        const target = seen ? toGram : 0;
        call('refineVectors', toValues, padded, vector, target, ...tables, count, entries, gradient, deltas, toIndices, sums, toLosses);
        turnOut(own, indices, grid, top);
      }
      const [lossBefore = 0, loss = 0] = doubles.subarray(toLosses / 8, toLosses / 8 + 2);
      return { indices, losses: [lossBefore, loss], slopes: doubles.slice(sums / 8, (sums + pairs) / 8) };
    },
  );
}

/** The least multiple of both 4 and `vector`. */
function paddedColumns(columns: number, vector: number): number {
  let step = vector;
  while (step % 4 !== 0) step += vector;
  return Math.ceil(columns / step) * step;
}

function padGram(gram: Float32Array, columns: number, padded: number): Float32Array {
  if (padded === columns) return gram;
  const whole = new Float32Array(padded * padded);
  for (let row = 0; row < columns; row++) whole.set(gram.subarray(row * columns, (row + 1) * columns), row * padded);
  return whole;
}

/** Eight rows, turned; rows that are not there are zeros, and so are their scales. */
function turnIn(
  floats: Float32Array,
  toValues: number,
  toScales: number,
  values: Float32Array,
  { rows, columns, scales }: VectorGrid,
  top: number,
): void {
  for (let lane = 0; lane < STRIP; lane++) {
    const row = top + lane;
    floats[toScales + lane] = row < rows ? scales[row]! : 0;
    for (let i = 0; i < columns; i++) floats[toValues + i * STRIP + lane] = row < rows ? values[row * columns + i]! : 0;
  }
}

function turnOut(own: Uint8Array, indices: Uint8Array, { rows, columns, vector, count }: VectorGrid, top: number): void {
  const vectors = columns / vector;
  for (let book = 0; book < count; book++) {
    for (let row = top; row < Math.min(rows, top + STRIP); row++) {
      for (let i = 0; i < vectors; i++) indices[(book * rows + row) * vectors + i] = own[(i * count + book) * STRIP + row - top]!;
    }
  }
}
