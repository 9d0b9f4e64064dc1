import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Loops } from '../../src/kernels/loops.ts';
import { reference } from '../../src/kernels/reference/index.ts';
import { compileKernels, wasmLoops } from '../../src/kernels/wasm.ts';
import { sameBits } from './bits.ts';
import { gaussian, weights } from './values.ts';

let wasm: Loops;
beforeAll(async () => {
  wasm = wasmLoops(await compileKernels());
});

/** XᵀX of as many positions as there are columns, and something on the diagonal. */
function gramOf(columns: number, seed: number): Float64Array {
  const x = gaussian(columns * columns, seed);
  const gram = new Float64Array(columns * columns);
  for (let i = 0; i < columns; i++) {
    for (let j = 0; j < columns; j++) {
      let sum = i === j ? 0.01 * columns : 0;
      for (let row = 0; row < columns; row++) sum += x[row * columns + i]! * x[row * columns + j]!;
      gram[i * columns + j] = sum;
    }
  }
  return gram;
}

describe('the WASM twin has the bits of the reference', () => {
  it('inverseFactor, of sizes around its blocks', () => {
    for (const size of [1, 2, 3, 4, 5, 31, 32, 33, 36, 63, 64, 65, 96, 100, 131]) {
      const gram = gramOf(size, size);
      const factor = reference.inverseFactor(gram, size)!;
      sameBits(wasm.inverseFactor(gram, size)!, factor);
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
});
