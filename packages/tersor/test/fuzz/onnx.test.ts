import { expect, it } from 'vitest';
import { fuzz } from './fuzz.ts';
import { onnxSeeds } from './seeds.ts';
import { ONNX } from './subjects.ts';

const INPUTS = 2000;

it(`${INPUTS} damaged copies of real models are read or refused, in bounded time and memory`, { timeout: 120_000 }, async () => {
  const { outcomes, slowestMs, mostBytes } = await fuzz(ONNX, { inputs: INPUTS, seed: 1, ...onnxSeeds() });
  expect(slowestMs).toBeLessThan(5000);
  expect(mostBytes).toBeLessThan(64e6);
  // the mutations are neither all harmless nor all fatal: both paths were walked
  expect(outcomes.opened).toBeGreaterThan(INPUTS / 20);
  expect(outcomes.FILE_CORRUPT).toBeGreaterThan(INPUTS / 4);
  expect(Object.values(outcomes).reduce((sum, count) => sum + count, 0)).toBe(INPUTS);
});
