import { expect, it } from 'vitest';
import { fuzz } from './fuzz.ts';
import { safetensorsSeeds } from './seeds.ts';
import { SAFETENSORS } from './subjects.ts';

const INPUTS = 1200;

it(`${INPUTS} damaged copies of checkpoints and of what says how they are quantized are read or refused, in bounded time and memory`, async () => {
  const { outcomes, slowestMs, mostBytes } = await fuzz(SAFETENSORS, { inputs: INPUTS, seed: 1, ...safetensorsSeeds() });
  expect(slowestMs).toBeLessThan(2000);
  expect(mostBytes).toBeLessThan(64e6);
  // all paths were walked
  expect(outcomes.opened).toBeGreaterThan(INPUTS / 20);
  expect(outcomes.FILE_CORRUPT).toBeGreaterThan(INPUTS / 4);
  expect(outcomes.FILE_UNSUPPORTED).toBeGreaterThan(INPUTS / 100);
  expect(Object.values(outcomes).reduce((sum, count) => sum + count, 0)).toBe(INPUTS);
});
