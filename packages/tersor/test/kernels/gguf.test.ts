import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { BLOCK_TYPES, WRITABLE_BLOCKS, type WritableBlock } from '../../src/core/blocks/block-types.ts';
import { decode } from '../../src/core/decode.ts';
import type { BlockSearch } from '../../src/core/kernels.ts';
import { checkHeld } from '../../src/kernels/held.ts';
import type { Loops } from '../../src/kernels/loops.ts';
import { stretchWithin } from '../../src/kernels/reference/ggml/stretch.ts';
import { reference } from '../../src/kernels/reference/index.ts';
import { peakOf } from '../../src/kernels/reference/peak.ts';
import { TILE_ELEMENTS } from '../../src/kernels/tiles.ts';
import { compileKernels, wasmLoops } from '../../src/kernels/wasm.ts';
import { sameBits } from './bits.ts';
import { gaussian, weights } from './values.ts';

const recorded = JSON.parse(readFileSync(new URL('../fixtures/kernels/gguf.json', import.meta.url), 'utf8')) as {
  importance: string;
  cases: readonly (Partial<Record<WritableBlock, string>> & {
    name: string;
    values: string;
    weighted: Partial<Record<WritableBlock, string>>;
  })[];
};
const { cases } = recorded;
const bytesOf = (base64: string) => Uint8Array.from(Buffer.from(base64, 'base64'));
const floatsOf = (base64: string) => new Float32Array(bytesOf(base64).buffer);
const importance = floatsOf(recorded.importance);

/** Measured on a normal distribution, and rounded up: without importances, and with some. */
const RATIOS: Record<WritableBlock, readonly [number, number]> = {
  Q8_0: [0.96, 0.77],
  Q4_0: [0.95, 0.95],
  Q4_1: [0.92, 0.97],
  Q5_0: [0.95, 0.94],
  Q5_1: [0.93, 0.97],
  Q2_K: [0.92, 0.98],
  Q3_K: [0.975, 0.985],
  Q4_K: [0.985, 0.975],
  Q5_K: [0.965, 0.93],
  Q6_K: [0.99, 0.98],
  IQ4_NL: [0.97, 0.94],
  IQ4_XS: [0.985, 0.975],
  MXFP4: [0.99, 0.99],
  TQ1_0: [0.6, 0.57],
  TQ2_0: [0.6, 0.57],
  IQ3_S: [0.99, 0.99],
  IQ3_XXS: [0.995, 0.99],
  IQ2_S: [0.999, 0.99],
  IQ2_XS: [0.999, 0.99],
  IQ2_XXS: [0.999, 0.999],
  IQ1_M: [1, 1],
  IQ1_S: [1, 1],
};

/** All entries of a table are tried: too slow for many runs of the readable reference. */
const isLattice = (type: WritableBlock) => /^IQ[123]/.test(type);

let wasm: Loops;
beforeAll(async () => {
  wasm = wasmLoops(await compileKernels());
});

describe('what is stretched', () => {
  it.each(['Q2_K', 'Q4_K', 'Q4_0', 'Q4_1', 'IQ4_NL', 'IQ4_XS'] as const)('%s keeps the size of values', (type) => {
    const values = gaussian(256 * 100, 11);
    const decoded = decode({ kind: 'blocks', type, shape: [values.length], bytes: wasm.quantizeBlocks(values, type, { search: 'best' }) });
    const [kept, all] = [values.reduce((sum, x, i) => sum + x * decoded[i]!, 0), values.reduce((sum, x) => sum + x * x, 0)];
    expect(Math.abs(kept / all - 1)).toBeLessThan(0.0015);
  });

  it('stays within the error that is allowed', () => {
    const sums = fc.record({
      error: fc.double({ min: 1e-6, max: 0.5, noNaN: true }),
      product: fc.double({ min: -0.2, max: 0.2, noNaN: true }),
    });
    fc.assert(
      fc.property(sums, fc.double({ min: 0, max: 1, noNaN: true }), ({ error, product }, most) => {
        const by = stretchWithin({ error, product, square: 1 }, most) - 1;
        expect(by).toBeGreaterThanOrEqual(0);
        if (by > 0) expect(error + 2 * by * product + by * by).toBeLessThanOrEqual(most * (1 + 1e-9));
      }),
    );
  });

  it('by hand: values that became 0.8 of themselves are brought back', () => {
    // x = 1, q = 0.8: error 0.04, product -0.16, square 0.64
    expect(stretchWithin({ error: 0.04, product: -0.16, square: 0.64 }, 1)).toBeCloseTo(1.25, 12);
    expect(stretchWithin({ error: 0.04, product: -0.16, square: 0.64 }, 0.03)).toBe(1);
  });
});

describe.each(WRITABLE_BLOCKS)('%s', (type) => {
  it.each(cases)("has the bytes of ggml's own quantizer: $name", ({ values, weighted, ...plain }) => {
    const floats = floatsOf(values);
    const expected = (base64: string) =>
      attempt(() => {
        const bytes = bytesOf(base64);
        checkHeld(floats, peakOf(floats), type, bytes);
        return bytes;
      });
    for (const { quantizeBlocks } of [reference, wasm]) {
      if (plain[type] !== undefined)
        same(
          attempt(() => quantizeBlocks(floats, type)),
          expected(plain[type]),
        );
      if (weighted[type] !== undefined)
        same(
          attempt(() => quantizeBlocks(floats, type, { importance })),
          expected(weighted[type]),
        );
    }
  });

  it('has the bytes of the reference', () => {
    // Where ggml divides by a denormal scale or its sums (of third powers) overflow, C leaves the bytes open.
    const usual = (value: number) => (Math.abs(value) < 1e-15 || Math.abs(value) > 1e10 ? 0 : value);
    const blocks = fc
      .integer({ min: 1, max: 3 })
      .chain((count) => weights(count * BLOCK_TYPES[type].values).map((values) => values.map(usual)));
    const seeds = fc.integer({ min: 1, max: 1e6 });
    fc.assert(
      fc.property(blocks, seeds, (values, seed) => {
        // a few columns count nothing
        const counts = gaussian(values.length, seed).map((value) => (Math.abs(value) < 0.1 ? 0 : value * value));
        for (const search of ['reference', 'best'] as const) {
          // beyond the largest half, nothing is better
          if (search === 'best' && values.some((value) => Math.abs(value) > 3e4)) continue;
          for (const how of [{ search }, { search, importance: counts }]) {
            same(
              attempt(() => wasm.quantizeBlocks(values, type, how)),
              attempt(() => reference.quantizeBlocks(values, type, how)),
            );
          }
        }
      }),
      { numRuns: isLattice(type) ? 2 : 40 },
    );
  });

  it('refuses what is not finite', () => {
    for (const { quantizeBlocks } of [reference, wasm]) {
      for (const value of [Number.NaN, Number.NEGATIVE_INFINITY]) {
        const values = gaussian(256, 1);
        values[77] = value;
        expect(() => quantizeBlocks(values, type)).toThrow('holds values that are infinite or not numbers');
      }
    }
  });

  it('is never worse than zeros with better scales, however small values are', () => {
    for (const size of [1e-3, 1e-5, 1e-6, 1e-7, 1e-8, 1e-12]) {
      const values = gaussian(512, 2).map((value) => value * size);
      const decoded = decode({ kind: 'blocks', type, shape: [512], bytes: wasm.quantizeBlocks(values, type, { search: 'best' }) });
      const [error, square] = [values.reduce((sum, x, i) => sum + (x - decoded[i]!) ** 2, 0), values.reduce((sum, x) => sum + x * x, 0)];
      expect(error).toBeLessThanOrEqual(square);
    }
  });

  it('holds large values, or refuses them', () => {
    for (const { quantizeBlocks } of [reference, wasm]) {
      for (const [large, search] of [3e4, 1e5, 1e7, 1e9, 1e20, 1e38].flatMap((value) => [
        [value, 'reference'] as const,
        [value, 'best'] as const,
      ])) {
        const values = gaussian(512, 1);
        values[300] = -large;
        const bytes = attempt(() => quantizeBlocks(values, type, { search }));
        if (!(bytes instanceof Uint8Array)) {
          expect([large > 2 ** 15, bytes]).toEqual([true, expect.stringContaining('which blocks of')]);
          continue;
        }
        const decoded = decode({ kind: 'blocks', type, shape: [512], bytes });
        expect(decoded.every(Number.isFinite)).toBe(true);
        expect(Math.min(...decoded)).toBeLessThan(-large / 4);
      }
    }
  });

  it('takes rows by their importances', () => {
    const values = gaussian(256 * 6, 7);
    const counts = gaussian(512, 8).map((value) => value * value);
    const rows = [0, 512, 1024].map((from) => wasm.quantizeBlocks(values.subarray(from, from + 512), type, { importance: counts }));
    sameBits(wasm.quantizeBlocks(values, type, { importance: counts }), new Uint8Array(Buffer.concat(rows)));
    sameBits(wasm.quantizeBlocks(values, type, { importance: counts }), reference.quantizeBlocks(values, type, { importance: counts }));
  });

  it('has a smaller error with better scales', () => {
    const values = gaussian(256 * 200, 3);
    const errorOf = (search: BlockSearch, counts: Float32Array | undefined) => {
      const bytes = wasm.quantizeBlocks(values, type, { search, ...(counts && { importance: counts }) });
      const decoded = decode({ kind: 'blocks', type, shape: [values.length], bytes });
      return Math.sqrt(values.reduce((sum, value, i) => sum + (counts?.[i % 256] ?? 1) * (value - decoded[i]!) ** 2, 0));
    };
    const ratios = [undefined, importance].map((counts) => errorOf('best', counts) / errorOf('reference', counts));
    expect(ratios[0]).toBeLessThanOrEqual(RATIOS[type][0]);
    expect(ratios[1]).toBeLessThanOrEqual(RATIOS[type][1]);
  });

  it('goes on over more than a tile', () => {
    const values = gaussian(TILE_ELEMENTS + 1024, 5);
    const tail = TILE_ELEMENTS - 256;
    const { values: perBlock, bytes } = BLOCK_TYPES[type];
    sameBits(wasm.quantizeBlocks(values, type).subarray((tail / perBlock) * bytes), reference.quantizeBlocks(values.subarray(tail), type));
    expect(wasm.quantizeBlocks(new Float32Array(0), type).length).toBe(0);
  });
});

/** Bytes, or what is said where they would not hold the values. */
function same(found: Uint8Array | string, expected: Uint8Array | string): void {
  if (typeof found === 'string' || typeof expected === 'string') expect(found).toBe(expected);
  else sameBits(found, expected);
}

function attempt<T>(work: () => T): T | string {
  try {
    return work();
  } catch (error) {
    return String(error);
  }
}
