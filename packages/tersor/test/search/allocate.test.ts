import fc from 'fast-check';
import { expect, it } from 'vitest';
import { openSolver } from '../../src/compress/solve.ts';
import type { Candidate } from '../../src/core/candidate.ts';
import type { Layer } from '../../src/core/layers.ts';
import { allocate, type Goal, type Limits, sumOf } from '../../src/search/allocate.ts';

const layer = {} as Layer; // allocation looks at costs only
const solve = await openSolver();
const costs = fc.tuple(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 0, max: 100 }), fc.integer({ min: -50, max: 50 }));
const problems = fc.array(fc.array(costs, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 6 });
const toChoices = (rows: readonly (readonly (readonly [number, number, number])[])[]) =>
  rows.map((row) => row.map(([bytes, error, ms]): Candidate => ({ layer, bytes, error, latency: [ms / 100, (50 - ms) / 200] })));

it.each<[Goal, (limit: number) => Limits]>([
  ['error', (limit) => ({ bytes: limit })],
  ['bytes', (limit) => ({ error: limit })],
  // between the sums that there are: on one, rounding would decide
  ['bytes', (limit) => ({ error: limit, latency: [(200.5 - limit) / 400, 0.4025] })],
  ['error', (limit) => ({ bytes: limit, latency: [(0.5 - limit) / 400, 1.0025] })],
  ['latency', (limit) => ({ bytes: limit })],
])('finds the least %s of all combinations within the limits, and nothing only when there is nothing', async (goal, limitsOf) => {
  await fc.assert(
    fc.asyncProperty(problems, fc.integer({ min: 0, max: 400 }), async (rows, limit) => {
      const choices = toChoices(rows);
      const limits = limitsOf(limit);
      const chosen = await allocate(choices, goal, limits, solve);
      const best = exhaustive(choices, goal, limits);
      expect(chosen === undefined).toBe(best === undefined);
      if (!chosen) return;
      expect(keeps(chosen, limits)).toBe(true);
      expect(sumOf(chosen, goal)).toBeCloseTo(best ?? Number.NaN, 3);
    }),
    { numRuns: 60 },
  );
});

it('is as good as the best of all combinations for up to ten layers, as far as errors add up', async () => {
  const layers = fc.array(
    fc.array(fc.tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 40 }), fc.constant(0)), { minLength: 1, maxLength: 4 }),
    { minLength: 7, maxLength: 10 },
  );
  await fc.assert(
    fc.asyncProperty(layers, fc.integer({ min: 0, max: 250 }), async (rows, limit) => {
      const choices = toChoices(rows);
      const chosen = await allocate(choices, 'bytes', { error: limit }, solve);
      // By sums of errors, which are whole numbers: the fewest bytes that any combination of the layers so far takes.
      let fewest = [0, ...new Array<number>(limit).fill(Number.POSITIVE_INFINITY)];
      for (const row of choices) {
        const sums = (sum: number) => row.map(({ bytes, error }) => bytes + (fewest[sum - error] ?? Number.POSITIVE_INFINITY));
        fewest = fewest.map((_, sum) => Math.min(...sums(sum)));
      }
      const best = Math.min(...fewest);
      expect(chosen ? sumOf(chosen, 'bytes') : Number.POSITIVE_INFINITY).toBe(best);
    }),
    { numRuns: 60 },
  );
});

it('tells errors apart that are ten thousand times smaller than the largest', async () => {
  const row = (...pairs: readonly (readonly [number, number])[]) => pairs.map(([bytes, error]): Candidate => ({ layer, bytes, error }));
  const choices = [row([100, 0], [50, 1e-7], [10, 5]), row([100, 0], [50, 3e-7], [10, 5])];
  const chosen = await allocate(choices, 'error', { bytes: 150 }, solve);
  expect(chosen?.map(({ bytes }) => bytes)).toEqual([50, 100]);
});

it('prefers the layer that loses least for the bytes it saves', async () => {
  const choices = toChoices([
    [
      [100, 0, 0],
      [25, 1, 0],
    ],
    [
      [100, 0, 0],
      [25, 9, 0],
    ],
  ]);
  expect((await allocate(choices, 'error', { bytes: 125 }, solve))?.map((c) => c.bytes)).toEqual([25, 100]);
});

it('leaves out what is not finite, and finds nothing where nothing is left', async () => {
  const broken: Candidate[] = [
    { layer, bytes: 1, error: Number.POSITIVE_INFINITY },
    { layer, bytes: 9, error: 0 },
  ];
  expect((await allocate([broken], 'bytes', {}, solve))?.map((c) => c.bytes)).toEqual([9]);
  expect(await allocate([broken], 'error', { bytes: 8 }, solve)).toBeUndefined();
});

it('takes nothing of nothing, as long as that keeps the limits', async () => {
  expect(await allocate([], 'bytes', { error: 1, latency: [0] }, solve)).toEqual([]);
  expect(await allocate([], 'bytes', { latency: [-0.1] }, solve)).toBeUndefined();
});

it('solves three hundred layers of eight candidates', async () => {
  let state = 1;
  const random = () => {
    state = (state * 16807) % 2147483647;
    return state / 2147483647;
  };
  const choices = Array.from({ length: 300 }, () => {
    const [size, weight] = [1e3 + random() * 1e6, Math.exp(random() * 8 - 8)];
    return Array.from({ length: 8 }, (_, k): Candidate => ({ layer, bytes: size * (0.1 + k / 9), error: weight * Math.exp(-1.5 * k) }));
  });
  const chosen = await allocate(choices, 'bytes', { error: 0.5 }, solve);
  expect(chosen && sumOf(chosen, 'error')).toBeLessThanOrEqual(0.5);
  expect(chosen && sumOf(chosen, 'bytes')).toBeLessThan(
    sumOf(
      choices.map((row) => row.at(-1)!),
      'bytes',
    ) * 0.6,
  );
});

function keeps(
  chosen: readonly Candidate[],
  { bytes = Number.POSITIVE_INFINITY, error = Number.POSITIVE_INFINITY, latency = [] }: Limits,
): boolean {
  const added = (shape: number) => chosen.reduce((sum, c) => sum + (c.latency?.[shape] ?? 0), 0);
  return sumOf(chosen, 'bytes') <= bytes && sumOf(chosen, 'error') <= error && latency.every((most, shape) => added(shape) <= most + 1e-9);
}

function exhaustive(choices: readonly (readonly Candidate[])[], goal: Goal, limits: Limits): number | undefined {
  let best: number | undefined;
  const visit = (taken: readonly Candidate[]) => {
    const row = choices[taken.length];
    if (row) for (const candidate of row) visit([...taken, candidate]);
    else if (keeps(taken, limits)) best = Math.min(best ?? Number.POSITIVE_INFINITY, sumOf(taken, goal));
  };
  visit([]);
  return best;
}
