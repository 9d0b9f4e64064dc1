import { expect, it } from 'vitest';
import { paretoFront } from '../../src/compress/pareto-front.ts';

it('keeps what nothing beats, the smallest first, and marks what was chosen', () => {
  const points = [
    { bytes: 30, drop: 0.1 },
    { bytes: 20, drop: 0.3 },
    { bytes: 25, drop: 0.4 },
    { bytes: 30, drop: 0.05 },
    { bytes: 50, drop: 0.05 },
  ];
  expect(paretoFront(points, 30)).toEqual([
    { bytes: 20, drop: 0.3, chosen: false },
    { bytes: 30, drop: 0.05, chosen: true },
  ]);
  expect(paretoFront([], 1)).toEqual([]);
});
