import type { Compensation, RefinedVectors, VectorGrid, VectorRefinement } from '../core/kernels.ts';
import type { Loops } from './loops.ts';
import type { Pool } from './pool.ts';
import { copyOf, mixedUp, strips } from './spread.ts';

/** About 2 ms of comparing vectors with entries. */
const WORTH_COMPARISONS = 2 ** 22;

export function areVectorsWorthMoving({ rows, columns, count, entries }: VectorGrid): boolean {
  return rows * columns * count * entries >= WORTH_COMPARISONS;
}

/** Finds the entries of strips of rows on the workers. */
export async function compensateVectorsOn(
  pool: Pool,
  threads: number,
  values: Float32Array,
  grid: VectorGrid,
  by: Compensation,
): Promise<Uint8Array> {
  const indices = new Uint8Array((grid.count * values.length) / grid.vector);
  const choose = async (from: number, to: number) => {
    const part = await pool.run((memory) => ({ values: rowsOf(values, grid, from, to, memory), vectors: gridOf(grid, from, to), by }));
    if (!(part instanceof Uint8Array)) throw mixedUp();
    putRows(indices, part, grid, from, to);
  };
  await Promise.all(strips(grid.rows, threads).map(([from, to]) => choose(from, to)));
  return indices;
}

/** Pieces of a matrix that are refined alone, on however many workers: sums over their rows are the same then. */
const PIECES = 8;

/** Refines pieces of rows, on the workers if there are any. */
export async function refineVectorsOn(
  pool: Pool | undefined,
  loops: Pick<Loops, 'refineVectors'>,
  values: Float32Array,
  by: VectorRefinement,
): Promise<RefinedVectors> {
  const { grid, indices } = by;
  const better = { indices: new Uint8Array(indices.length), slopes: new Float64Array(grid.books.length * 2) };
  const losses: [number, number] = [0, 0];
  const refine = async (from: number, to: number) => {
    const refinement = { ...by, grid: gridOf(grid, from, to), indices: takeRows(indices, grid, from, to) };
    const part = pool
      ? await pool.run((memory) => ({ values: rowsOf(values, grid, from, to, memory), vectorRefinement: refinement }))
      : loops.refineVectors(values.subarray(from * grid.columns, to * grid.columns), refinement);
    if (!('slopes' in part)) throw mixedUp();
    putRows(better.indices, part.indices, grid, from, to);
    return part;
  };
  for (const part of await Promise.all(strips(grid.rows, PIECES).map(([from, to]) => refine(from, to)))) {
    part.slopes.forEach((slope, i) => {
      better.slopes[i]! += slope;
    });
    for (const i of [0, 1] as const) losses[i] += part.losses[i];
  }
  return { ...better, losses };
}

function rowsOf(values: Float32Array, { columns }: VectorGrid, from: number, to: number, memory: ArrayBuffer | undefined) {
  return copyOf(values.subarray(from * columns, to * columns), memory);
}

function gridOf(grid: VectorGrid, from: number, to: number): VectorGrid {
  return { ...grid, rows: to - from, scales: grid.scales.slice(from, to) };
}

function takeRows(indices: Uint8Array, { rows, columns, vector, count }: VectorGrid, from: number, to: number): Uint8Array {
  const vectors = columns / vector;
  const part = new Uint8Array(count * (to - from) * vectors);
  for (let book = 0; book < count; book++) {
    part.set(indices.subarray((book * rows + from) * vectors, (book * rows + to) * vectors), book * (to - from) * vectors);
  }
  return part;
}

function putRows(indices: Uint8Array, part: Uint8Array, { rows, columns, vector, count }: VectorGrid, from: number, to: number): void {
  const vectors = columns / vector;
  for (let book = 0; book < count; book++) {
    const own = part.subarray(book * (to - from) * vectors, (book + 1) * (to - from) * vectors);
    indices.set(own, (book * rows + from) * vectors);
  }
}
