import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { startTally } from '../../src/core/histogram.ts';
import type { QuantizeSpec } from '../../src/core/kernels.ts';
import type { Loops } from '../../src/kernels/loops.ts';
import { reference } from '../../src/kernels/reference/index.ts';
import { TILE_ELEMENTS } from '../../src/kernels/tiles.ts';
import { compileKernels, wasmLoops } from '../../src/kernels/wasm.ts';
import { sameBits } from './bits.ts';
import { anyFloats, gaussian, weights } from './values.ts';

let wasm: Loops;
beforeAll(async () => {
  wasm = wasmLoops(await compileKernels());
});

const shapes = fc.record({
  rows: fc.integer({ min: 1, max: 5 }),
  columns: fc.integer({ min: 1, max: 70 }),
  block: fc.integer({ min: 1, max: 80 }),
});
const grids = fc.record({
  bits: fc.integer({ min: 2, max: 8 }),
  symmetric: fc.boolean(),
  fit: fc.constantFrom('absmax', 'mse', 'hqq'),
  scale: fc.constantFrom('f32', 'f16'),
  transposed: fc.boolean(),
} satisfies Record<string, fc.Arbitrary<unknown>>);
const matrices = fc
  .tuple(shapes, grids)
  .chain(([shape, grid]) => weights(shape.rows * shape.columns).map((values) => ({ values, spec: { ...shape, ...grid } as QuantizeSpec })));

describe('the WASM twin has the bits of the reference', () => {
  it('quantize and dequantize', () => {
    fc.assert(
      fc.property(matrices, ({ values, spec }) => {
        const expected = reference.quantize(values, spec);
        sameBits(wasm.quantize(values, spec), expected);
        sameBits(wasm.dequantize(expected, spec), reference.dequantize(expected, spec));
      }),
      { numRuns: 500 },
    );
  });

  it('transpose, small and in several tiles either way', () => {
    const small = fc.tuple(fc.nat(70), fc.nat(70));
    const turns = (rows: number, columns: number) => {
      const floats = gaussian(rows * columns, 3);
      const codes = Uint8Array.from(floats, (value) => value * 1000);
      for (const values of [floats, codes]) sameBits(wasm.transpose(values, rows, columns), reference.transpose(values, rows, columns));
    };
    fc.assert(
      fc.property(small, ([rows, columns]) => turns(rows, columns)),
      { numRuns: 40 },
    );
    for (const [rows, columns] of [
      [3000, 131],
      [700, 900],
      [2, 70001],
      [70001, 2],
    ] as const)
      turns(rows, columns);
  });

  it.each(['absmax', 'mse', 'hqq'] as const)('%s over blocks longer than a partial sum', (fit) => {
    const values = gaussian(3 * 2500, 1);
    for (const symmetric of [true, false]) {
      const spec: QuantizeSpec = { rows: 3, columns: 2500, block: 2500, bits: 4, symmetric, fit, scale: 'f32' };
      sameBits(wasm.quantize(values, spec), reference.quantize(values, spec));
    }
  });

  it('matrices and rows larger than a tile', () => {
    const shapes = [
      { rows: 3, columns: TILE_ELEMENTS - 7, block: 32 },
      { rows: 2, columns: TILE_ELEMENTS + 77, block: 48 },
      { rows: 1, columns: TILE_ELEMENTS + 77, block: TILE_ELEMENTS + 77 },
      { rows: 1000, columns: 99, block: 99 },
    ];
    for (const shape of shapes) {
      const values = gaussian(shape.rows * shape.columns, 2);
      const spec: QuantizeSpec = { ...shape, bits: 8, symmetric: false, fit: 'absmax', scale: 'f16' };
      const expected = reference.quantize(values, spec);
      sameBits(wasm.quantize(values, spec), expected);
      sameBits(wasm.dequantize(expected, spec), reference.dequantize(expected, spec));
    }
  });

  it('matrices that are turned on their way, in several pieces, with rows too long for them', () => {
    for (const [rows, columns, block] of [
      [700, 300, 32],
      [70, 1100, 1100],
      [5, 5000, 64],
    ] as const) {
      const values = gaussian(rows * columns, 5);
      const spec: QuantizeSpec = { rows, columns, block, bits: 4, symmetric: false, fit: 'absmax', scale: 'f16' };
      const expected = reference.quantize(reference.transpose(values, columns, rows), spec);
      sameBits(wasm.quantize(values, { ...spec, transposed: true }), expected);
    }
  });

  it('tells values that are not finite by the peak', () => {
    const spec: QuantizeSpec = { rows: 3, columns: 50, block: 32, bits: 4, symmetric: true, fit: 'absmax', scale: 'f32' };
    for (const broken of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      for (const at of [0, 77, 149]) {
        const values = gaussian(150, 6);
        values[at] = broken;
        for (const transposed of [true, false]) {
          const { peak } = wasm.quantize(values, { ...spec, transposed });
          expect(peak).toBe(reference.quantize(values, { ...spec, transposed }).peak);
          expect(peak).not.toSatisfy(Number.isFinite);
        }
      }
    }
  });

  it('half and bfloat16, every half', () => {
    const every = Uint16Array.from({ length: 65536 }, (_, i) => i);
    sameBits(wasm.fromHalf(every), reference.fromHalf(every));
    sameBits(wasm.fromBfloat16(every), reference.fromBfloat16(every));
    const isNan = (bits: number) => (bits & 0x7fff) > 0x7c00;
    const back = wasm.toHalf(wasm.fromHalf(every));
    expect(every.every((bits, i) => back[i] === bits || (isNan(bits) && isNan(back[i]!)))).toBe(true);
  });

  it('half and bfloat16, any float', () => {
    fc.assert(
      fc.property(anyFloats, (values) => {
        sameBits(wasm.toHalf(values), reference.toHalf(values));
        for (const unit of [2 ** -40, 2 ** -126, 2 ** 113]) sameBits(wasm.toHalf(values, unit), reference.toHalf(values, unit));
        sameBits(wasm.toBfloat16(values), reference.toBfloat16(values));
      }),
      { numRuns: 500 },
    );
  });

  it('pack and unpack', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(2 as const, 4 as const), (codes, bits) => {
        const packed = reference.pack(codes, bits);
        sameBits(wasm.pack(codes, bits), packed);
        sameBits(wasm.unpack(packed, bits, codes.length), reference.unpack(packed, bits, codes.length));
      }),
      { numRuns: 500 },
    );
  });

  it('summarize', () => {
    fc.assert(
      fc.property(anyFloats, (values) => {
        expect(wasm.summarize(values)).toStrictEqual(reference.summarize(values));
      }),
      { numRuns: 500 },
    );
    for (const length of [TILE_ELEMENTS, TILE_ELEMENTS + 1, 3 * TILE_ELEMENTS - 1]) {
      const values = gaussian(length, 3);
      expect(wasm.summarize(values)).toStrictEqual(reference.summarize(values));
    }
  });

  it('histograms, of values that grow, are not finite, or as small as can be', () => {
    const same = (...parts: readonly Float32Array[]) => {
      const [found, expected] = [startTally(), startTally()];
      for (const part of parts) wasm.countInto(found, part);
      for (const part of parts) reference.countInto(expected, part);
      sameBits(found, expected);
    };
    fc.assert(
      fc.property(anyFloats, fc.integer({ min: -149, max: 127 }), fc.boolean(), (few, exponent, isBroken) => {
        const values = gaussian(3001, exponent).map((value) => value * 2 ** exponent);
        const finite = few.filter((value) => Math.abs(value) < 3 * 2 ** exponent);
        values.set((isBroken ? few : finite).subarray(0, 3001));
        same(
          new Float32Array(2500),
          values,
          values.subarray(0, 7),
          values.map((value) => value * 8),
        );
      }),
      { numRuns: 100 },
    );
    const large = gaussian(2 * TILE_ELEMENTS + 13, 4).map((value, i) => (i > TILE_ELEMENTS ? 1e4 : 1) * value);
    large[9] = -(2 ** -149);
    same(
      large,
      Float32Array.from(large, () => -(2 ** -149)),
    );
    same(large.fill(0, TILE_ELEMENTS), large.fill(-(2 ** 127)));
  });

  it('elementwise kernels over more than a tile', () => {
    const values = gaussian(2 * TILE_ELEMENTS + 13, 4);
    const bytes = new Uint8Array(values.buffer);
    sameBits(wasm.toHalf(values), reference.toHalf(values));
    sameBits(wasm.pack(bytes, 4), reference.pack(bytes, 4));
    sameBits(wasm.unpack(bytes, 2, bytes.length * 4 - 3), reference.unpack(bytes, 2, bytes.length * 4 - 3));
  });
});
