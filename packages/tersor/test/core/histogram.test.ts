import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BINS, binsOf, countInto, mergeInto, startTally } from '../../src/core/histogram.ts';

const RUNS = { numRuns: 40 };

/** Powers of two are where edges are. */
const floats = fc
  .array(
    fc.oneof(
      fc.float({ noDefaultInfinity: true, noNaN: true }),
      fc.integer({ min: -4, max: 4 }).map((e) => -(2 ** e)),
    ),
    { minLength: 1 },
  )
  .map((list) => Float32Array.from(list));

it('counts every element in its bin', () => {
  fc.assert(
    fc.property(floats, (values) => {
      const tally = startTally();
      countInto(tally, values);
      const { counts, edge } = binsOf(tally);
      const peak = Math.max(...values.map(Math.abs));
      if (peak > 0) expect(edge > peak && edge <= 2 * peak).toBe(true);
      const expected = new Float64Array(BINS);
      const width = (2 * edge) / BINS;
      for (const x of values) expected[BINS / 2 + Math.floor(x / width)]! += 1;
      expect(counts.every((count, i) => count === expected[i])).toBe(true);
    }),
    RUNS,
  );
});

it('does not depend on order, nor on what was counted together', () => {
  fc.assert(
    fc.property(fc.array(floats, { minLength: 2, maxLength: 5 }), (parts) => {
      const [whole, backwards, merged] = [startTally(), startTally(), startTally()];
      for (const part of parts) countInto(whole, part);
      for (const part of [...parts].reverse()) {
        countInto(backwards, part.toReversed());
        const alone = startTally();
        countInto(alone, part);
        mergeInto(merged, alone);
      }
      expect(backwards.every((count, i) => count === whole[i])).toBe(true);
      expect(merged.every((count, i) => count === whole[i])).toBe(true);
    }),
    RUNS,
  );
});

it('puts what is not finite into no bin', () => {
  const tally = startTally();
  countInto(tally, Float32Array.of(1, Number.NaN, Number.POSITIVE_INFINITY, -2, Number.NEGATIVE_INFINITY));
  const { edge, counts, nonfinite } = binsOf(tally);
  expect([edge, nonfinite]).toEqual([4, 3]);
  expect(counts.reduce((sum, count) => sum + count)).toBe(2);
});

it('counts zeros, and many values that are not finite, in no time', () => {
  const tally = startTally();
  countInto(tally, new Float32Array(7));
  expect(binsOf(tally).counts[BINS / 2]).toBe(7);
  const start = process.cpuUsage().user;
  countInto(tally, new Float32Array(1e6).fill(Number.NaN));
  expect(binsOf(tally).nonfinite).toBe(1e6);
  expect(process.cpuUsage().user - start).toBeLessThan(1e6);
});
