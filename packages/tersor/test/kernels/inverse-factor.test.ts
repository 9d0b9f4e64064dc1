import { expect, it } from 'vitest';
import { randomFor } from '../../src/core/random.ts';
import { inverseFactor } from '../../src/kernels/reference/inverse-factor.ts';

const SIZE = 24;

function gramOf(rows: number): Float64Array {
  const random = randomFor(1, `gram of ${rows}`);
  const x = Array.from({ length: rows }, () => Array.from({ length: SIZE }, () => random() - 0.5));
  return Float64Array.from({ length: SIZE * SIZE }, (_, at) => {
    const [i, j] = [Math.floor(at / SIZE), at % SIZE];
    return x.reduce((sum, row) => sum + row[i]! * row[j]!, 0);
  });
}

it('gives U with A UᵀU = I', () => {
  const a = gramOf(60);
  const u = inverseFactor(a, SIZE)!;
  const inverse = (i: number, j: number) =>
    Array.from({ length: SIZE }, (_, k) => u[k * SIZE + i]! * u[k * SIZE + j]!).reduce((x, y) => x + y);
  for (let i = 0; i < SIZE; i++) {
    for (let j = 0; j < SIZE; j++) {
      const product = Array.from({ length: SIZE }, (_, k) => a[i * SIZE + k]! * inverse(k, j)).reduce((x, y) => x + y);
      expect(product).toBeCloseTo(i === j ? 1 : 0, 8);
      if (i > j) expect(u[i * SIZE + j]).toBe(0);
    }
  }
});

it('says where there is none', () => {
  expect(inverseFactor(new Float64Array(SIZE * SIZE), SIZE)).toBeUndefined();
  expect(inverseFactor(Float64Array.of(1, 2, 2, 1), 2)).toBeUndefined();
  expect(inverseFactor(Float64Array.of(Number.NaN), 1)).toBeUndefined();
});
