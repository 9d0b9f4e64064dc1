import { describe, expect, it } from 'vitest';
import { type Bins, binsOf, countInto, startTally } from '../../../src/core/histogram.ts';
import type { Range } from '../../../src/core/observation.ts';
import { randomFor } from '../../../src/core/random.ts';
import { fitRange } from '../../../src/core/static-int8/fit-range.ts';

/** Long tails on both sides, the upper one longer. */
const values = (() => {
  const random = randomFor(5, 'activations');
  return Float32Array.from({ length: 20_000 }, () => {
    const size = (-Math.log(1 - random())) ** 1.7;
    return random() < 0.3 ? -size / 2 : size;
  });
})();
const [least, largest] = [Math.min(...values), Math.max(...values)];

function binned(data: Float32Array): Bins {
  const tally = startTally();
  countInto(tally, data);
  return binsOf(tally);
}

const bins = binned(values);
const width = (2 * bins.edge) / bins.counts.length;

/** The mean square of what a grid of 256 steps over the range does to the values, element by element. */
function squaredError({ min, max }: Range): number {
  const scale = (max - min) / 255;
  return values.reduce((sum, x) => {
    const code = Math.min(255, Math.max(0, Math.round((x - min) / scale)));
    return sum + (code * scale + min - x) ** 2 / values.length;
  }, 0);
}

describe('ranges of activations', () => {
  it('minmax: all that was seen, and zero', () => {
    expect(fitRange(bins, 'minmax', 0)).toEqual({ min: least, max: largest });
    expect(fitRange(binned(Float32Array.of(3, 5)), 'minmax', 0)).toEqual({ min: 0, max: 5 });
    expect(fitRange(binned(Float32Array.of(-3, -5)), 'minmax', 0)).toEqual({ min: -5, max: 0 });
  });

  it.each([90, 99, 99.9])('percentile %d: the sorted values say the same, to a bin', (percentile) => {
    const sorted = values.toSorted();
    const tail = Math.round(sorted.length * (1 - percentile / 100));
    const { min, max } = fitRange(bins, 'percentile', percentile);
    // between the first element of the tail and the last before it, which may be bins apart
    expect(max).toBeGreaterThan(sorted.at(-tail - 1)! - width);
    expect(max).toBeLessThan(sorted.at(-tail + 1)! + width);
    expect(min).toBeLessThan(sorted[tail]! + width);
    expect(min).toBeGreaterThan(sorted[tail - 2]! - width);
  });

  it('mse: no pair of ends of a fine search loses 2 % less, element by element', () => {
    const found = squaredError(fitRange(bins, 'mse', 0));
    let best = Number.POSITIVE_INFINITY;
    for (let a = 0.2; a <= 1; a += 0.04)
      for (let b = 0.2; b <= 1; b += 0.04) best = Math.min(best, squaredError({ min: least * a, max: largest * b }));
    expect(found).toBeLessThan(best * 1.02);
    expect(found).toBeLessThan(squaredError({ min: least, max: largest }) * 0.97);
  });

  it('entropy: leaves out what is far away and rare, and keeps all of what is even', () => {
    const far = binned(Float32Array.of(...values.subarray(0, 5000), 60));
    expect(fitRange(far, 'entropy', 0).max).toBeLessThan(20);
    const even = Float32Array.from({ length: 8192 }, (_, i) => i / 1024 - 4);
    expect(fitRange(binned(even), 'entropy', 0).max).toBeGreaterThan(3.9);
  });

  it('is something where nothing was seen', () => {
    expect(fitRange(undefined, 'mse', 0)).toEqual({ min: -1, max: 1 });
    expect(fitRange(binsOf(startTally()), 'minmax', 0)).toEqual({ min: -1, max: 1 });
  });
});
