import { describe, expect, it } from 'vitest';
import { decode, denseOf, integersOf } from '../../src/core/decode.ts';
import type { DType } from '../../src/core/dtype.ts';
import { type AffineLayout, bytesOf } from '../../src/core/layout.ts';

const int4 = { id: 'int4', bits: 4, lo: -8, hi: 7 };

describe('decode', () => {
  it.each([
    ['f32', Float32Array.of(1.5, -2), [1.5, -2]],
    ['f64', Float64Array.of(1.5, -2), [1.5, -2]],
    ['f16', Uint16Array.of(0x3e00, 0xc000), [1.5, -2]],
    ['bf16', Uint16Array.of(0x3fc0, 0xc000), [1.5, -2]],
    ['i8', Int8Array.of(-128, 127), [-128, 127]],
    ['i64', BigInt64Array.of(-3n, 7n), [-3, 7]],
    ['bool', Uint8Array.of(1, 0), [1, 0]],
  ] as const)('reads %s, also from bytes that are not aligned', (dtype: DType, array, values) => {
    const bytes = new Uint8Array(array.buffer);
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    for (const view of [bytes, shifted.subarray(1)]) {
      expect([...decode({ kind: 'dense', dtype, shape: [2], bytes: view })]).toEqual(values);
    }
  });

  it('does not read past the end', () => {
    expect(() => decode({ kind: 'dense', dtype: 'f32', shape: [3], bytes: new Uint8Array(8) })).toThrow('FILE_CORRUPT');
  });

  it('gives (code - zero) * scale in the order of the weight', () => {
    const layout: AffineLayout = {
      kind: 'affine',
      numeric: int4,
      outputs: [1],
      block: 2,
      scale: { kind: 'dense', dtype: 'f32' },
      zero: { kind: 'dense', dtype: 'u4' },
    };
    // outputs 2, inputs 3: blocks of 2 and 1
    const values = decode({
      kind: 'affine',
      shape: [3, 2],
      layout,
      codes: Uint8Array.of(0, 8, 15, 1, 2, 3),
      scales: Float32Array.of(1, 0.5, 2, 10),
      zeros: Uint8Array.of(8, 15, 0, 3),
    });
    expect([...values]).toEqual([-8, 2, 0, 4, 0, 0]);
    expect(bytesOf({ shape: [3, 2], layout })).toBe(3 + 4 * 4 + 2);
  });

  it('puts sparse values where they belong', () => {
    const values = denseOf(Float32Array.of(5, 6), [2]);
    expect([...decode({ kind: 'sparse', shape: [2, 2], values, indices: Float64Array.of(1, 3) })]).toEqual([0, 5, 0, 6]);
  });
});

it('integersOf is exact within 2^53 and clamps beyond', () => {
  const wide = BigInt64Array.of(2n ** 53n - 1n, 2n ** 63n - 1n, -(2n ** 63n));
  const limit = Number.MAX_SAFE_INTEGER;
  expect(integersOf({ kind: 'dense', dtype: 'i64', shape: [3], bytes: new Uint8Array(wide.buffer) })).toEqual([limit, limit, -limit]);
});
