import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Loops } from '../../src/kernels/loops.ts';
import { reference } from '../../src/kernels/reference/index.ts';
import { compileKernels, wasmLoops } from '../../src/kernels/wasm.ts';
import { sameBits } from './bits.ts';
import { gramOf } from './gram.ts';
import { gaussian, weights } from './values.ts';

let wasm: Loops;
beforeAll(async () => {
  wasm = wasmLoops(await compileKernels());
});

describe('the WASM twin has the bits of the reference', () => {
  it('inverseFactor, of sizes around its blocks', () => {
    for (const size of [1, 2, 3, 4, 5, 31, 32, 33, 36, 63, 64, 65, 96, 100, 131]) {
      const gram = gramOf(size, size);
      const factor = reference.inverseFactor(gram, size)!;
      sameBits(wasm.inverseFactor(gram, size)!, factor);
    }
  });

  it('multiplyRows, of sizes around its tiles, with zeros at the ends of rows', () => {
    for (const [rows, others, columns] of [
      [1, 1, 1],
      [3, 9, 5],
      [66, 17, 515],
      [130, 8, 1030],
    ] as const) {
      const a = gaussian(rows * columns, rows);
      const b = gaussian(others * columns, others);
      sameBits(wasm.multiplyRows(a, b, columns), reference.multiplyRows(a, b, columns));
      for (let row = 0; row < rows; row++) a.fill(0, row * columns, row * columns + ((row * 13) % columns));
      for (let row = 0; row < others; row++) b.fill(0, row * columns + ((row * 71) % columns), (row + 1) * columns);
      sameBits(wasm.multiplyRows(a, b, columns), reference.multiplyRows(a, b, columns));
    }
  });

  it('inverseFactor, where there is none', () => {
    for (const at of [0, 20, 39]) {
      const gram = gramOf(40, 7);
      gram[at * 40 + at] = -1;
      expect(reference.inverseFactor(gram, 40)).toBeUndefined();
      expect(wasm.inverseFactor(gram, 40)).toBeUndefined();
    }
  });

  it('compensate', () => {
    const shapes = fc.record({
      rows: fc.integer({ min: 1, max: 150 }),
      columns: fc.integer({ min: 1, max: 75 }),
      block: fc.integer({ min: 1, max: 80 }),
    });
    const grids = fc.record({ bits: fc.integer({ min: 2, max: 8 }), symmetric: fc.boolean(), turn: fc.nat(100) });
    const cases = fc
      .tuple(shapes, grids)
      .chain(([shape, grid]) => weights(shape.rows * shape.columns).map((values) => ({ values, shape, ...grid })));
    fc.assert(
      fc.property(cases, ({ values, shape, bits, symmetric, turn }) => {
        const { columns } = shape;
        const { scales, zeros } = reference.quantize(values, { ...shape, bits, symmetric, fit: 'absmax', scale: 'f32' });
        const order = Uint32Array.from({ length: columns }, (_, i) => (i * 37 + turn) % columns);
        const all = new Set(order).size === columns ? order : Uint32Array.from(order.keys());
        const factor = Float32Array.from(reference.inverseFactor(gramOf(columns, turn + 1), columns)!);
        const grid = { ...shape, bits, scales, ...(zeros && { zeros }) };
        sameBits(wasm.compensate(values, grid, { order: all, factor }), reference.compensate(values, grid, { order: all, factor }));
      }),
      { numRuns: 150 },
    );
  });

  it('refine', () => {
    const shapes = fc.record({
      rows: fc.integer({ min: 1, max: 20 }),
      columns: fc.integer({ min: 1, max: 45 }),
      block: fc.integer({ min: 1, max: 50 }),
    });
    const grids = fc.record({
      bits: fc.integer({ min: 2, max: 8 }),
      symmetric: fc.boolean(),
      scale: fc.constantFrom<('f16' | 'f32')[]>('f16', 'f32'),
      rounds: fc.integer({ min: 0, max: 2 }),
      seed: fc.nat(100),
    });
    const cases = fc
      .tuple(shapes, grids)
      .chain(([shape, grid]) => weights(shape.rows * shape.columns).map((values) => ({ values, shape, ...grid })));
    fc.assert(
      fc.property(cases, ({ values, shape, bits, symmetric, scale, rounds, seed }) => {
        const { codes, scales, zeros } = reference.quantize(values, { ...shape, bits, symmetric, fit: 'absmax', scale });
        const gram = Float32Array.from(gramOf(shape.columns, seed + 1));
        const by = { grid: { ...shape, bits, scales, ...(zeros && { zeros }) }, codes, gram, rounds, scale };
        const [ours, plain] = [wasm.refine(values, by), reference.refine(values, by)];
        sameBits(ours.codes, plain.codes);
        sameBits(ours.scales, plain.scales);
      }),
      { numRuns: 150 },
    );
  });
});

it('refine loses less than it is given, and no single code could lose less still', () => {
  const [rows, columns, block, bits] = [6, 64, 16, 3];
  const values = gaussian(rows * columns, 5);
  const gram = gramOf(columns, 9);
  const given = reference.quantize(values, { rows, columns, block, bits, symmetric: false, fit: 'mse', scale: 'f16' });
  const grid = { rows, columns, block, bits, scales: given.scales, ...(given.zeros && { zeros: given.zeros }) };
  const better = reference.refine(values, { grid, codes: given.codes, gram: Float32Array.from(gram), rounds: 3, scale: 'f16' });
  const lossOf = (codes: Uint8Array, scales: Float32Array, row: number) => {
    const left = Array.from({ length: columns }, (_, i) => {
      const at = row * (columns / block) + Math.floor(i / block);
      return values[row * columns + i]! - (codes[row * columns + i]! - (given.zeros?.[at] ?? 0)) * scales[at]!;
    });
    return left.reduce((sum, a, i) => sum + left.reduce((inner, b, j) => inner + a * b * gram[i * columns + j]!, 0), 0);
  };
  for (let row = 0; row < rows; row++) {
    const loss = lossOf(better.codes, better.scales, row);
    expect(loss).toBeLessThan(0.8 * lossOf(given.codes, given.scales, row));
    for (let i = 0; i < columns; i++) {
      for (const change of [-1, 1]) {
        const codes = better.codes.slice();
        const code = codes[row * columns + i]! + change;
        if (code < 0 || code >= 2 ** bits) continue;
        codes[row * columns + i] = code;
        expect(lossOf(codes, better.scales, row)).toBeGreaterThan(loss * 0.999);
      }
    }
  }
});
