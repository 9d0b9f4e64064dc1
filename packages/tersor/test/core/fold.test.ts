import { expect, it } from 'vitest';
import type { Fold, Value } from '../../src/core/engine.ts';
import { fold, merge } from '../../src/core/fold.ts';

const f32 = (shape: readonly number[], ...data: number[]): Value => ({ dtype: 'f32', shape, data: Float32Array.from(data) });
const all = (how: Fold, values: readonly Value[]) =>
  values.reduce<ReturnType<typeof fold>>((folded, value) => fold(how, folded, value), undefined);

it('joins element by element, and what iterations of a body gave, too', () => {
  const values = [f32([2], 1, 5), f32([2, 2], 3, Number.NaN, -1, 2), f32([0])];
  expect(all({ output: 'y', how: 'min', rank: 1 }, values)).toEqual(Float64Array.of(-1, 2));
  expect(all({ output: 'y', how: 'max', rank: 1 }, values)).toEqual(Float64Array.of(3, 5));
  expect(all({ output: 'y', how: 'sum', rank: 1 }, [f32([2], 1, 5), f32([2, 2], 3, 4, -1, 2)])).toEqual(Float64Array.of(3, 11));
  expect(all({ output: 'y', how: 'sum', rank: 1 }, [f32([0])])).toBeUndefined();
});

it('sums in f64', () => {
  const value = f32([], 1e-3);
  const many = all({ output: 'y', how: 'sum', rank: 0 }, new Array<Value>(100_000).fill(value))!;
  expect(Math.abs(many[0]! / (1e5 * Math.fround(1e-3)) - 1)).toBeLessThan(1e-9);
});

it('counts indices, from the end where they are negative, and none that do not exist', () => {
  const ids: Value = { dtype: 'i64', shape: [5], data: BigInt64Array.of(0n, -1n, 2n, 2n, 7n) };
  expect(all({ output: 'y', how: 'indices', size: 4 }, [ids])).toEqual(Float64Array.of(1, 0, 2, 1));
});

it('merges what was folded apart', () => {
  const [a, b] = [Float64Array.of(1, 5), Float64Array.of(2, 3)];
  expect([merge('sum', a, b), merge('min', a, b), merge('max', a, b)]).toEqual(
    [
      [3, 8],
      [1, 3],
      [2, 5],
    ].map((list) => Float64Array.from(list)),
  );
  expect(a).toEqual(Float64Array.of(1, 5));
});
