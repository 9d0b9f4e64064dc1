import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Loops } from '../../src/kernels/loops.ts';
import { reference } from '../../src/kernels/reference/index.ts';
import { TILE_ELEMENTS } from '../../src/kernels/tiles.ts';
import { compileKernels, wasmLoops } from '../../src/kernels/wasm.ts';
import { sameBits } from './bits.ts';
import { gaussian } from './values.ts';

let wasm: Loops;
beforeAll(async () => {
  wasm = wasmLoops(await compileKernels());
});

/** Matrices with many equal scores: whole numbers, and norms that are mostly 1. */
const matrices = fc.record({
  rows: fc.integer({ min: 1, max: 6 }),
  groups: fc.integer({ min: 1, max: 20 }),
  seed: fc.nat(2 ** 30),
  steps: fc.constantFrom(2, 40, 1e6),
});
const matrixOf = ({ rows, columns, seed, steps }: { rows: number; columns: number; seed: number; steps: number }) => ({
  values: gaussian(rows * columns, seed).map((value) => Math.round(value * steps) / steps),
  norms: gaussian(columns, seed + 1).map((value) => (steps === 2 ? 1 : Math.abs(value))),
});

describe('masks', () => {
  it('worked example, by hand', () => {
    const values = Float32Array.of(1, -4, 3, 2, 0, 0, 0, 0, 1, 1, -1, 1);
    const norms = Float32Array.of(1, 0.5, 1, 2, 1, 1, 1, 1, 1, 1, 1, 1);
    expect([...reference.maskTwoOfFour(values, norms)]).toEqual([0, 0, 1, 1, 1, 1, 0, 0, 1, 1, 0, 0]);
    expect([...reference.maskRows(values, norms, 4)]).toEqual([1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('the twins agree with the reference, ties included', () => {
    fc.assert(
      fc.property(matrices, fc.nat(80), ({ rows, groups, seed, steps }, keep) => {
        const even = matrixOf({ rows, columns: groups * 4, seed, steps });
        sameBits(wasm.maskTwoOfFour(even.values, even.norms), reference.maskTwoOfFour(even.values, even.norms));
        const odd = matrixOf({ rows, columns: groups * 4 + (seed % 4), seed, steps });
        const mask = reference.maskRows(odd.values, odd.norms, keep);
        sameBits(wasm.maskRows(odd.values, odd.norms, keep), mask);
        expect(mask.reduce((sum, bit) => sum + bit, 0)).toBe(rows * Math.min(keep, odd.norms.length));
      }),
      { numRuns: 500 },
    );
  });

  it('matrices and rows larger than a tile', () => {
    for (const [rows, columns] of [
      [300, 1028],
      [2, TILE_ELEMENTS + 12],
    ] as const) {
      const { values, norms } = matrixOf({ rows, columns, seed: 3, steps: 1e6 });
      sameBits(wasm.maskTwoOfFour(values, norms), reference.maskTwoOfFour(values, norms));
      sameBits(wasm.maskRows(values, norms, columns / 2), reference.maskRows(values, norms, columns / 2));
    }
  });
});
