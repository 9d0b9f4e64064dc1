import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHalfPrecision } from '../../src/core/half.ts';
import type { QuantizeSpec } from '../../src/core/kernels.ts';
import { type BlockFit, gridOf } from '../../src/kernels/reference/grid.ts';
import { lpError } from '../../src/kernels/reference/hqq.ts';
import { reference } from '../../src/kernels/reference/index.ts';
import { gaussian, weights } from './values.ts';

const row = (columns: number, rest: Partial<QuantizeSpec> = {}): QuantizeSpec => ({
  rows: 1,
  columns,
  block: columns,
  bits: 4,
  symmetric: true,
  fit: 'absmax',
  scale: 'f32',
  ...rest,
});
const blocks = fc.integer({ min: 1, max: 64 }).chain(weights);
const grids = fc.record({
  bits: fc.integer({ min: 2, max: 8 }),
  symmetric: fc.boolean(),
  scale: fc.constantFrom('f32' as const, 'f16' as const),
});

function squaredError(values: Float32Array, spec: QuantizeSpec): number {
  const decoded = reference.dequantize(reference.quantize(values, spec), spec);
  return decoded.reduce((sum, value, i) => sum + (value - values[i]!) ** 2, 0);
}

describe('absmax', () => {
  it('worked examples, by hand', () => {
    // The extreme -8 is the lowest code of 4 bits: scale 1.
    const four = reference.quantize(Float32Array.of(-8, 7, 2, -1, 0), row(5));
    expect([...four.codes]).toEqual([0, 15, 10, 7, 8]);
    expect([...four.scales]).toEqual([1]);
    expect(four.zeros).toBeUndefined();
    // The same mirrored: the scale turns negative.
    const mirrored = reference.quantize(Float32Array.of(8, -7, 2, 0), row(4));
    expect([...mirrored.codes, ...mirrored.scales]).toEqual([0, 15, 6, 8, -1]);
    // 8 bits: largest magnitude / 127, never negative; ties go to the even step.
    const eight = reference.quantize(Float32Array.of(127, -127, 2.5, 3.5, -0.5, 0), row(6, { bits: 8 }));
    expect([...eight.codes, ...eight.scales]).toEqual([255, 1, 130, 132, 128, 128, 1]);
    // The lowest and the highest code would both fit; the highest one gives the lower error here: scale -8 / 7.
    expect(reference.quantize(Float32Array.of(-8, 8), row(2)).scales[0]).toBeCloseTo(-8 / 7);
    // Asymmetric 2 bits: -1 .. 2 over codes 0 .. 3, zero at code 1.
    const two = reference.quantize(Float32Array.of(-1, 0, 1, 2), row(4, { bits: 2, symmetric: false }));
    expect([...two.codes, ...two.scales, ...(two.zeros ?? [])]).toEqual([0, 1, 2, 3, 1, 1]);
  });

  it('a block of zeros has scale 0 and decodes to zeros', () => {
    for (const symmetric of [true, false]) {
      const spec = row(3, { symmetric });
      const quantized = reference.quantize(Float32Array.of(0, -0, 0), spec);
      expect([...quantized.scales]).toEqual([0]);
      expect([...reference.dequantize(quantized, spec)]).toEqual([0, 0, 0]);
    }
  });

  it('moves no value by more than half a step: 8 bits, and one more step where a zero point was rounded', () => {
    fc.assert(
      fc.property(blocks, grids, (values, grid) => {
        const spec = row(values.length, { ...grid, bits: grid.symmetric ? 8 : grid.bits });
        const quantized = reference.quantize(values, spec);
        const scale = Math.abs(quantized.scales[0]!);
        // Beyond what halves can scale, values saturate; near the end of f32 decoding may overflow.
        if (scale === 65504 || scale > 2 ** 100) return;
        const bound = scale * (grid.symmetric ? 0.5 : 1) * (1 + 2 ** -10);
        for (const [i, value] of reference.dequantize(quantized, spec).entries()) {
          expect(Math.abs(value - values[i]!)).toBeLessThanOrEqual(bound);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('scales are halves when asked, never zero or infinite for values that are not', () => {
    fc.assert(
      fc.property(blocks, grids, fc.constantFrom('absmax', 'mse', 'hqq'), (values, grid, fit) => {
        const { scales } = reference.quantize(values, row(values.length, { ...grid, fit: fit as QuantizeSpec['fit'] }));
        const scale = Math.abs(scales[0]!);
        expect(scale > 0 && Number.isFinite(scale)).toBe(values.some((value) => value !== 0));
        if (grid.scale === 'f16') expect(toHalfPrecision(scale)).toBe(scale);
      }),
      { numRuns: 500 },
    );
  });
});

describe('searches', () => {
  it('mse is never worse than absmax in squared error', () => {
    fc.assert(
      fc.property(blocks, grids, (values, grid) => {
        const spec = row(values.length, grid);
        const peak = reference.summarize(values).peak;
        if (peak > 2 ** 100) return;
        const rounding = values.length * (peak * 2 ** -22) ** 2;
        expect(squaredError(values, { ...spec, fit: 'mse' })).toBeLessThanOrEqual(squaredError(values, spec) * (1 + 1e-4) + rounding);
      }),
      { numRuns: 1000 },
    );
  });

  it('hqq is never worse than absmax in its own objective', () => {
    fc.assert(
      fc.property(blocks, grids, (values, grid) => {
        const spec = row(values.length, grid);
        const objective = (fit: QuantizeSpec['fit']) => lpError(values, fitOf(values, { ...spec, fit }), gridOf(spec));
        expect(objective('hqq')).toBeLessThanOrEqual(objective('absmax') * (1 + 1e-5));
      }),
      { numRuns: 1000 },
    );
  });

  // Bell-shaped weights, rows of 512: what clipping buys. The bounds are a little above what was measured.
  it.each([
    { bits: 2, symmetric: true, mse: 0.75, hqq: 0.8 },
    { bits: 4, symmetric: true, mse: 0.85, hqq: 0.95 },
    { bits: 4, symmetric: false, mse: 0.85, hqq: 0.95 },
    { bits: 8, symmetric: true, mse: 1, hqq: 1 },
  ])('both lower the squared error: $bits bits, symmetric $symmetric', ({ bits, symmetric, mse, hqq }) => {
    const values = gaussian(512 * 8, 7);
    const spec: QuantizeSpec = { rows: 8, columns: 512, block: 512, bits, symmetric, fit: 'absmax', scale: 'f32' };
    const absmax = squaredError(values, spec);
    expect(squaredError(values, { ...spec, fit: 'mse' }) / absmax).toBeLessThan(mse);
    expect(squaredError(values, { ...spec, fit: 'hqq' }) / absmax).toBeLessThan(hqq);
  });
});

function fitOf(values: Float32Array, spec: QuantizeSpec): BlockFit {
  const { scales, zeros } = reference.quantize(values, spec);
  return { scale: scales[0]!, zero: zeros?.[0] ?? 2 ** (spec.bits - 1) };
}

describe('the small ones', () => {
  it('bfloat16 rounds to even and keeps what is not a number', () => {
    const values = new Float32Array(Uint32Array.of(0x3f808000, 0x3f818000, 0x3f808001, 0x7f7fffff, 0x80000000).buffer);
    expect([...reference.toBfloat16(values)]).toEqual([0x3f80, 0x3f82, 0x3f81, 0x7f80, 0x8000]);
    expect(reference.toBfloat16(Float32Array.of(Number.NaN))[0]! & 0x7fff).toBeGreaterThan(0x7f80);
  });

  it('packs low bits first', () => {
    expect([...reference.pack(Uint8Array.of(1, 2, 3), 4)]).toEqual([0x21, 0x03]);
    expect([...reference.pack(Uint8Array.of(1, 2, 3, 0, 3), 2)]).toEqual([0b00111001, 3]);
  });

  it('summarizes', () => {
    const values = Float32Array.of(1, -4, 0, Number.POSITIVE_INFINITY, Number.NaN, 0.5, -0);
    expect(reference.summarize(values)).toEqual({
      min: -4,
      max: 1,
      peak: 4,
      least: 0.5,
      sum: -2.5,
      sumOfSquares: 17.25,
      zeros: 2,
      nonFinite: 2,
    });
  });
});
