import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Candidate } from '../../src/core/candidate.ts';
import type { Layer } from '../../src/core/layers.ts';
import { allocate, bytesOf, frontier } from '../../src/search/allocate.ts';

const layer = {} as Layer; // allocation looks at costs only
const costs = fc.tuple(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 0, max: 100 }));
const problems = fc.array(fc.array(costs, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 5 });
const toChoices = (rows: readonly (readonly (readonly [number, number])[])[]) =>
  rows.map((row) => row.map(([bytes, error]): Candidate => ({ layer, bytes, error })));

it('keeps the limit, and finds nothing only when there is nothing', () => {
  fc.assert(
    fc.property(problems, fc.integer({ min: 0, max: 400 }), (rows, limit) => {
      const choices = toChoices(rows);
      const chosen = allocate(choices, limit);
      const possible = choices.reduce((sum, row) => sum + Math.min(...row.map((c) => c.bytes)), 0) <= limit;
      expect(chosen !== undefined).toBe(possible);
      if (chosen) expect(bytesOf(chosen)).toBeLessThanOrEqual(limit);
    }),
    { numRuns: 500 },
  );
});

it('every allocation of the frontier is the best of all combinations with no more bytes', () => {
  fc.assert(
    fc.property(problems, (rows) => {
      const choices = toChoices(rows);
      for (const allocation of frontier(choices)) {
        const error = allocation.reduce((sum, c) => sum + c.error, 0);
        expect(error).toBe(exhaustive(choices, bytesOf(allocation)));
      }
    }),
    { numRuns: 300 },
  );
});

it('comes close to the best of all combinations between them', () => {
  let best = 0;
  let found = 0;
  fc.assert(
    fc.property(problems, fc.integer({ min: 0, max: 400 }), (rows, limit) => {
      const choices = toChoices(rows);
      const chosen = allocate(choices, limit);
      if (!chosen) return;
      best += exhaustive(choices, limit);
      found += chosen.reduce((sum, c) => sum + c.error, 0);
    }),
    { numRuns: 500, seed: 7 },
  );
  expect(found / best).toBeLessThan(1.05);
});

it('prefers the layer that loses least for the bytes it saves', () => {
  const choices = toChoices([
    [
      [100, 0],
      [25, 1],
    ],
    [
      [100, 0],
      [25, 9],
    ],
  ]);
  expect(allocate(choices, 125)?.map((c) => c.bytes)).toEqual([25, 100]);
});

function exhaustive(choices: readonly (readonly Candidate[])[], limit: number): number {
  const [row, ...rest] = choices;
  if (!row) return limit >= 0 ? 0 : Number.POSITIVE_INFINITY;
  return Math.min(...row.map((c) => c.error + exhaustive(rest, limit - c.bytes)));
}
