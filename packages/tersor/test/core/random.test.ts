import { expect, it } from 'vitest';
import { randomFor } from '../../src/core/random.ts';

it('is the same for a seed and a name, and another for any other', () => {
  const draw = (seed: number, name: string) => Array.from({ length: 8 }, randomFor(seed, name));
  expect(draw(1, 'a')).toEqual(draw(1, 'a'));
  expect(draw(1, 'a')).not.toEqual(draw(1, 'b'));
  expect(draw(1, 'a')).not.toEqual(draw(2, 'a'));
});

it('is uniform on [0, 1)', () => {
  const next = randomFor(0, 'uniform');
  const counts = new Array<number>(16).fill(0);
  let [least, most] = [1, 0];
  for (let i = 0; i < 160_000; i++) {
    const value = next();
    [least, most] = [Math.min(least, value), Math.max(most, value)];
    counts[Math.floor(value * 16)]!++;
  }
  expect(least).toBeGreaterThanOrEqual(0);
  expect(most).toBeLessThan(1);
  const chiSquare = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
  expect(chiSquare).toBeLessThan(37.7); // 15 degrees of freedom, p = 0.001
});
