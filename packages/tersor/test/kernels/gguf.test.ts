import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { GGUF_BLOCKS, type GgufType, type Loops } from '../../src/kernels/loops.ts';
import { reference } from '../../src/kernels/reference/index.ts';
import { TILE_ELEMENTS } from '../../src/kernels/tiles.ts';
import { compileKernels, wasmLoops } from '../../src/kernels/wasm.ts';
import { sameBits } from './bits.ts';
import { gaussian, weights } from './values.ts';

const { cases } = JSON.parse(readFileSync(new URL('../fixtures/kernels/gguf.json', import.meta.url), 'utf8')) as {
  cases: readonly (Record<GgufType, string> & { name: string; values: string })[];
};
const bytesOf = (base64: string) => Uint8Array.from(Buffer.from(base64, 'base64'));

let wasm: Loops;
beforeAll(async () => {
  wasm = wasmLoops(await compileKernels());
});

describe.each(['Q8_0', 'Q4_0', 'Q4_K'] as const)('%s', (type) => {
  it.each(cases)("has the bytes of ggml's own quantizer: $name", ({ values, ...recorded }) => {
    const floats = new Float32Array(bytesOf(values).buffer);
    sameBits(reference.quantizeGguf(floats, type), bytesOf(recorded[type]));
    sameBits(wasm.quantizeGguf(floats, type), bytesOf(recorded[type]));
  });

  it('has the bytes of the reference', () => {
    // Where ggml divides by a denormal scale or its sums overflow, C leaves the bytes open.
    const usual = (value: number) => (Math.abs(value) < 1e-15 || Math.abs(value) > 1e15 ? 0 : value);
    const blocks = fc
      .integer({ min: 1, max: 3 })
      .chain((count) => weights(count * GGUF_BLOCKS[type].values).map((values) => values.map(usual)));
    fc.assert(
      fc.property(blocks, (values) => {
        sameBits(wasm.quantizeGguf(values, type), reference.quantizeGguf(values, type));
      }),
      { numRuns: 150 },
    );
  });

  it('goes on over more than a tile', () => {
    const values = gaussian(TILE_ELEMENTS + 1024, 5);
    const tail = TILE_ELEMENTS - 256;
    const { values: perBlock, bytes } = GGUF_BLOCKS[type];
    sameBits(wasm.quantizeGguf(values, type).subarray((tail / perBlock) * bytes), reference.quantizeGguf(values.subarray(tail), type));
    expect(wasm.quantizeGguf(new Float32Array(0), type).length).toBe(0);
  });
});
