import { expect, it } from 'vitest';
import { decode, denseOf } from '../../src/core/decode.ts';
import type { AffineLayout } from '../../src/core/layout.ts';
import { relativeError } from '../../src/core/relative-error.ts';
import type { AffineTensor } from '../../src/core/tensor.ts';
import { int } from '../../src/numeric/int.ts';

const shape = [2, 5, 3];
const values = denseOf(
  Float32Array.from({ length: 30 }, (_, i) => Math.sin(i)),
  shape,
);

it.each([
  [[0], 'row'],
  [[1], 'row'],
  [[2, 0], 'row'],
  [[0, 2], 2],
  [[], 4],
] as const)('of codes is that of the values they stand for: outputs %j, block %s', (outputs, block) => {
  const columns = 30 / outputs.reduce<number>((product, axis) => product * shape[axis]!, 1);
  const blocks = (30 / columns) * (block === 'row' ? 1 : Math.ceil(columns / block));
  const layout: AffineLayout = { kind: 'affine', numeric: int(8), outputs, block, scale: { kind: 'dense', dtype: 'f32' } };
  const coded: AffineTensor = {
    kind: 'affine',
    shape,
    layout,
    codes: Uint8Array.from({ length: 30 }, (_, i) => (i * 91) % 256),
    scales: Float32Array.from({ length: blocks }, (_, i) => 0.003 * (i + 1)),
    zeros: Uint8Array.from({ length: blocks }, (_, i) => 100 + i),
  };
  expect(relativeError(values, coded)).toBeCloseTo(relativeError(values, denseOf(decode(coded), shape)) ?? Number.NaN, 12);
});

it('is 0 for equals, by hand, and undefined where it means nothing', () => {
  const of = (...numbers: number[]) => denseOf(Float32Array.from(numbers), [numbers.length]);
  expect(relativeError(values, values)).toBe(0);
  expect(relativeError(of(3, 4), of(3, 4.5))).toBe(0.1);
  expect(relativeError(of(0, 0), of(0, 0))).toBe(0);
  expect(relativeError(of(0, 0), of(0, 1))).toBeUndefined();
  expect(relativeError(of(1, Number.POSITIVE_INFINITY), of(1, 2))).toBeUndefined();
  expect(relativeError(of(1, 2), of(1, 2, 3))).toBeUndefined();
  const unknown = { kind: 'dense', dtype: 'f8e4m3uz', shape: [2], bytes: new Uint8Array(2) } as const;
  expect(relativeError(of(1, 2), unknown)).toBeUndefined();
});
