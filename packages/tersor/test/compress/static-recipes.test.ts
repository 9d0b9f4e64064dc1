import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openWritten } from '../../src/compress/attempt.ts';
import { type Job, openJob } from '../../src/compress/job.ts';
import { openReferee, type Referee } from '../../src/compress/referee.ts';
import { staticRecipes } from '../../src/compress/static-recipes.ts';
import { denseOf } from '../../src/core/decode.ts';
import type { Feeds } from '../../src/core/engine.ts';
import { makeNode } from '../../src/core/graph.ts';
import type { Weight } from '../../src/core/model.ts';
import { randomFor } from '../../src/core/random.ts';
import type { Step } from '../../src/core/recipe.ts';
import { onnx } from '../../src/formats/onnx/onnx.ts';
import { openNumbers } from '../../src/io/node-numbers.ts';
import { openScratch, type Scratch } from '../../src/io/node-scratch.ts';
import { openNodeStore } from '../../src/io/node-store.ts';
import { handMade, tensorInfo } from '../support/hand-made-model.ts';
import { inlineKernels } from '../support/runtimes.ts';

const [CHANNELS, SIDE, OUTLIER] = [16, 8, 3000];

/** A convolution of single positions; the first channel that it gives, or reads, is larger or smaller by a factor. */
function weight(id: string, given = 1, read = 1): Weight {
  const random = randomFor(1, id);
  const shape = [CHANNELS, CHANNELS, 1, 1];
  const values = Float32Array.from({ length: CHANNELS ** 2 }, (_, i) => {
    const factor = (i < CHANNELS ? given : 1) * (i % CHANNELS === 0 ? read : 1);
    return ((2 * random() - 1) * factor) / Math.sqrt(CHANNELS);
  });
  return { id, shape, dtype: 'f32', layout: { kind: 'dense', dtype: 'f32' }, load: async () => denseOf(values, shape) };
}

/** Of the values between convolutions one has a channel that is larger than all others by far. */
const model = handMade({
  opset: 13,
  nodes: [
    makeNode('Conv', ['x', 'one'], ['a']),
    makeNode('Conv', ['a', 'two'], ['b']),
    makeNode('Conv', ['b', 'three'], ['c']),
    makeNode('Conv', ['c', 'four'], ['d']),
    makeNode('Conv', ['d', 'five'], ['y']),
  ],
  weights: {
    one: weight('one'),
    two: weight('two', OUTLIER),
    three: weight('three', 1, 1 / OUTLIER),
    four: weight('four'),
    five: weight('five'),
  },
  inputs: [tensorInfo('x', 'f32', [1, CHANNELS, SIDE, SIDE])],
  outputs: [tensorInfo('y', 'f32', [1, CHANNELS, SIDE, SIDE])],
});

let folder = '';
let job: Job;
let referee: Referee;
let scratch: Scratch;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tersor-static-'));
  const store = openNodeStore(folder);
  await onnx.write(model, store, 'model.onnx', { target: 'node', kernels: await inlineKernels });
  await store.commit();
  await store.close();
  const random = randomFor(0, 'feeds');
  const shape = [1, CHANNELS, SIDE, SIDE];
  const data = Array.from({ length: 16 }, (): Feeds => {
    return { x: { dtype: 'f32', shape, data: Float32Array.from({ length: CHANNELS * SIDE ** 2 }, () => 2 * random() - 1) } };
  });
  job = await openJob(join(folder, 'model.onnx'), { data, cache: false });
  referee = await openReferee(job);
  scratch = await openScratch(join(folder, 'out.onnx'), { inputs: [] });
});
afterAll(async () => {
  await scratch.remove();
  await referee.close();
  await job.close();
  rmSync(folder, { recursive: true });
});

async function dropOf(steps: readonly Step[]): Promise<number> {
  const session = await openWritten(job, referee, scratch, steps);
  try {
    return (await referee.judge(session, 'choose')).drop;
  } finally {
    await session.close();
  }
}

it('leaves out the operators around a value whose codes lose most, and as few others as keep the drop', async () => {
  const recipes: Step[][] = [];
  for await (const steps of staticRecipes(job, referee, scratch, await openNumbers(undefined, []), { drop: 0.01 })) recipes.push(steps);
  expect(recipes.length).toBeGreaterThan(0);
  const integers = recipes[0]!.find(({ use }) => use === 'static-int8')!;
  expect(integers.keep).toEqual(['b', 'c']);
  expect(await dropOf(recipes[0]!)).toBeLessThanOrEqual(0.01);
  expect(await dropOf(recipes[0]!.map((step) => (step === integers ? { ...step, keep: [] } : step)))).toBeGreaterThan(0.01);
});

it('takes everything where nothing hurts', async () => {
  for await (const steps of staticRecipes(job, referee, scratch, await openNumbers(undefined, []), {})) {
    expect(steps.find(({ use }) => use === 'static-int8')).not.toHaveProperty('keep');
    break;
  }
});
