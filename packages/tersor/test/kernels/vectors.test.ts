import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { VectorGrid } from '../../src/core/kernels.ts';
import type { Loops } from '../../src/kernels/loops.ts';
import { openKernels } from '../../src/kernels/open-kernels.ts';
import { reference } from '../../src/kernels/reference/index.ts';
import { compileKernels, wasmLoops } from '../../src/kernels/wasm.ts';
import { sameBits } from './bits.ts';
import { gramOf } from './gram.ts';
import { gaussian } from './values.ts';

let wasm: Loops;
beforeAll(async () => {
  wasm = wasmLoops(await compileKernels());
});

const grids = fc
  .record({
    rows: fc.integer({ min: 1, max: 20 }),
    vectors: fc.integer({ min: 1, max: 12 }),
    vector: fc.integer({ min: 1, max: 8 }),
    count: fc.integer({ min: 1, max: 2 }),
    entries: fc.integer({ min: 2, max: 40 }),
    seed: fc.nat(1000),
  })
  .map(({ vectors, seed, ...shape }) => {
    const columns = vectors * shape.vector;
    const grid: VectorGrid = {
      ...shape,
      columns,
      books: gaussian(shape.count * shape.entries * shape.vector, seed + 1),
      scales: gaussian(shape.rows, seed + 2).map(Math.abs),
    };
    return { grid, seed, values: gaussian(shape.rows * columns, seed + 3) };
  });

describe('the WASM twin has the bits of the reference', () => {
  it('clusterVectors', () => {
    fc.assert(
      fc.property(grids, ({ values, grid: { vector, books }, seed }) => {
        const weights = gaussian(values.length, seed + 4).map(Math.abs);
        sameBits(wasm.clusterVectors(values, weights, books, vector, 3), reference.clusterVectors(values, weights, books, vector, 3));
      }),
      { numRuns: 100 },
    );
  });

  it('compensateVectors', () => {
    fc.assert(
      fc.property(grids, ({ values, grid, seed }) => {
        const by = {
          order: orderOf(grid, seed),
          factor: Float32Array.from(reference.inverseFactor(gramOf(grid.columns, seed), grid.columns)!),
        };
        sameBits(wasm.compensateVectors(values, grid, by), reference.compensateVectors(values, grid, by));
      }),
      { numRuns: 100 },
    );
  });

  it('refineVectors', () => {
    fc.assert(
      fc.property(grids, fc.boolean(), ({ values, grid, seed }, isSeen) => {
        const indices = Uint8Array.from(
          { length: (grid.count * grid.rows * grid.columns) / grid.vector },
          (_, i) => (i * 7 + seed) % grid.entries,
        );
        const by = { grid, indices, ...(isSeen && { gram: Float32Array.from(gramOf(grid.columns, seed)) }) };
        const [ours, plain] = [wasm.refineVectors(values, by), reference.refineVectors(values, by)];
        sameBits(ours.indices, plain.indices);
        expect(ours.losses[1]).toBeCloseTo(plain.losses[1], 4);
        expect(ours.losses[1]).toBeLessThanOrEqual(ours.losses[0] * (1 + 1e-6));
        for (const [i, slope] of ours.slopes.entries())
          expect(Math.abs(slope - plain.slopes[i]!)).toBeLessThanOrEqual(1e-9 * Math.abs(slope) + 1e-9);
      }),
      { numRuns: 100 },
    );
  });
});

it('the workers give the same, however many they are', async () => {
  const [rows, columns, vector] = [64, 128, 4];
  const grid = { rows, columns, vector, count: 2, entries: 256, books: gaussian(2048, 1), scales: new Float32Array(rows).fill(1) };
  const values = gaussian(rows * columns, 2);
  const gram = Float32Array.from(gramOf(columns, 3));
  const by = { order: orderOf(grid, 5), factor: Float32Array.from(reference.inverseFactor(gramOf(columns, 3), columns)!) };
  const results = [];
  for (const threads of [0, 2]) {
    const kernels = await openKernels({ threads });
    const indices = await kernels.compensateVectors(values, grid, by);
    results.push({ indices, refined: await kernels.refineVectors(values, { grid, indices, gram }) });
    await kernels.close();
  }
  expect(results[0]).toEqual(results[1]);
});

/** Vectors in some order. */
function orderOf({ columns, vector }: VectorGrid, seed: number): Uint32Array {
  const vectors = Uint32Array.from({ length: columns / vector }, (_, i) => (i * 37 + seed) % (columns / vector));
  const each = new Set(vectors).size === vectors.length ? vectors : vectors.map((_, i) => i);
  return Uint32Array.from({ length: columns }, (_, i) => each[Math.floor(i / vector)]! * vector + (i % vector));
}
