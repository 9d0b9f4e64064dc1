import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { BLOCK_TYPES, WRITABLE_BLOCKS, type WritableBlock } from '../../src/core/blocks/block-types.ts';
import { decode } from '../../src/core/decode.ts';
import type { BlockSearch } from '../../src/core/kernels.ts';
import type { Loops } from '../../src/kernels/loops.ts';
import { reference } from '../../src/kernels/reference/index.ts';
import { TILE_ELEMENTS } from '../../src/kernels/tiles.ts';
import { compileKernels, wasmLoops } from '../../src/kernels/wasm.ts';
import { sameBits } from './bits.ts';
import { gaussian, weights } from './values.ts';

const { cases } = JSON.parse(readFileSync(new URL('../fixtures/kernels/gguf.json', import.meta.url), 'utf8')) as {
  cases: readonly (Record<WritableBlock, string> & { name: string; values: string })[];
};
const bytesOf = (base64: string) => Uint8Array.from(Buffer.from(base64, 'base64'));

/** Measured on a normal distribution, and rounded up. */
const RATIOS: Partial<Record<WritableBlock, number>> = { Q2_K: 0.9, Q3_K: 0.97, Q4_K: 0.985, Q5_K: 0.965, Q6_K: 0.99 };

let wasm: Loops;
beforeAll(async () => {
  wasm = wasmLoops(await compileKernels());
});

describe.each(WRITABLE_BLOCKS)('%s', (type) => {
  it.each(cases)("has the bytes of ggml's own quantizer: $name", ({ values, ...recorded }) => {
    const floats = new Float32Array(bytesOf(values).buffer);
    sameBits(reference.quantizeBlocks(floats, type), bytesOf(recorded[type]));
    sameBits(wasm.quantizeBlocks(floats, type), bytesOf(recorded[type]));
  });

  it('has the bytes of the reference', () => {
    // Where ggml divides by a denormal scale or its sums (of third powers) overflow, C leaves the bytes open.
    const usual = (value: number) => (Math.abs(value) < 1e-15 || Math.abs(value) > 1e10 ? 0 : value);
    const blocks = fc
      .integer({ min: 1, max: 3 })
      .chain((count) => weights(count * BLOCK_TYPES[type].values).map((values) => values.map(usual)));
    fc.assert(
      fc.property(blocks, (values) => {
        sameBits(wasm.quantizeBlocks(values, type), reference.quantizeBlocks(values, type));
        sameBits(wasm.quantizeBlocks(values, type, 'best'), reference.quantizeBlocks(values, type, 'best'));
      }),
      { numRuns: 150 },
    );
  });

  it('has no larger error with better scales', () => {
    const values = gaussian(256 * 400, 3);
    const errorOf = (search: BlockSearch) => {
      const decoded = decode({ kind: 'blocks', type, shape: [values.length], bytes: wasm.quantizeBlocks(values, type, search) });
      return Math.sqrt(values.reduce((sum, value, i) => sum + (value - decoded[i]!) ** 2, 0));
    };
    const ratio = errorOf('best') / errorOf('reference');
    expect(ratio).toBeLessThanOrEqual(RATIOS[type] ?? 1);
  });

  it('goes on over more than a tile', () => {
    const values = gaussian(TILE_ELEMENTS + 1024, 5);
    const tail = TILE_ELEMENTS - 256;
    const { values: perBlock, bytes } = BLOCK_TYPES[type];
    sameBits(wasm.quantizeBlocks(values, type).subarray((tail / perBlock) * bytes), reference.quantizeBlocks(values.subarray(tail), type));
    expect(wasm.quantizeBlocks(new Float32Array(0), type).length).toBe(0);
  });
});
