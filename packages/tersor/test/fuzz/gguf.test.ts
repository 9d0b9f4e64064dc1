import { expect, it } from 'vitest';
import { fuzz } from './fuzz.ts';
import { ggufSeeds } from './seeds.ts';
import { GGUF } from './subjects.ts';

const INPUTS = 2000;

it(`${INPUTS} damaged copies of models are read or refused, in bounded time and memory`, async () => {
  const { outcomes, slowestMs, mostBytes } = await fuzz(GGUF, { inputs: INPUTS, seed: 1, ...ggufSeeds() });
  expect(slowestMs).toBeLessThan(2000);
  expect(mostBytes).toBeLessThan(64e6);
  // both paths were walked
  expect(outcomes.opened).toBeGreaterThan(INPUTS / 20);
  expect(outcomes.FILE_CORRUPT).toBeGreaterThan(INPUTS / 4);
  expect(Object.values(outcomes).reduce((sum, count) => sum + count, 0)).toBe(INPUTS);
});
