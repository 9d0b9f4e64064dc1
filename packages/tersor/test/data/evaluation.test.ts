import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Session } from '../../src/core/engine.ts';
import { openEvaluation } from '../../src/data/evaluation-node.ts';

let folder = '';
const module = async (name: string, text: string) => {
  await writeFile(join(folder, name), text);
  return join(folder, name);
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tersor-eval-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Gives back twice what it gets. */
const doubling: Session = {
  inputs: [{ name: 'x', dtype: 'f32', shape: ['N'] }],
  outputs: [{ name: 'y', dtype: 'f32', shape: ['N'] }],
  hold: async () => {},
  run: async ({ x }) => ({
    y: { dtype: 'f32', shape: x?.shape ?? [], data: Float32Array.from<unknown>(x?.data ?? [], (value) => 2 * Number(value)) },
  }),
  close: async () => {},
};

it('lets a user measure with plain numbers', async () => {
  const path = await module(
    'sum.mjs',
    'export default async (session) => { const { y } = await session.run({ x: [1, 2, 3] }); return { sum: y.data[0] + y.data[2], n: y.shape[0] }; };',
  );
  const { measure, usesSamples } = await openEvaluation(path);
  expect(usesSamples).toBe(false);
  expect(await measure(doubling, { samples: [] })).toEqual({ sum: 8, n: 3 });
});

it('hands over the samples with their labels, when it wants them', async () => {
  const path = await module(
    'accuracy.mjs',
    'export default async (session, { samples, classes }) => Promise.all(samples.map(async ({ id, feeds, labels }) => { const { y } = await session.run(feeds); return Number(classes[y.data[0]] === labels[0]); }));',
  );
  const { measure, usesSamples } = await openEvaluation(path);
  expect(usesSamples).toBe(true);
  const sample = (id: string, value: number, label: string) => ({
    id,
    labels: [label],
    steps: [{ x: { dtype: 'f32' as const, shape: [1], data: Float32Array.of(value) } }],
  });
  expect(await measure(doubling, { samples: [sample('a', 1, 'two'), sample('b', 0, 'two')], classes: ['zero', 'one', 'two'] })).toEqual([
    1, 0,
  ]);
});

it.each([
  [
    'list.mjs',
    'export default [1];',
    'list.mjs: its default export is no function\n  export default async (session) => score [DATA_INVALID]',
  ],
  ['none.mjs', 'export const score = 1;', 'none.mjs: the module has no default export [DATA_INVALID]'],
  ['syntax.mjs', 'export default (', 'syntax.mjs: the module does not load:'],
  ['throws.mjs', 'export default () => { throw new Error("no labels"); };', 'throws.mjs: no labels [DATA_INVALID]'],
  ['feeds.mjs', 'export default (session) => session.run({ z: 1 });', 'feeds.mjs: the model has no input "z"'],
])('says what is wrong with %s', async (name, text, message) => {
  const path = await module(name, text);
  await expect(openEvaluation(path).then(({ measure }) => measure(doubling, { samples: [] }))).rejects.toThrow(message);
});

it('waits no longer than it is wanted', async () => {
  const path = await module('waits.mjs', 'export default () => new Promise(() => {});');
  const controller = new AbortController();
  const { measure } = await openEvaluation(path, controller.signal);
  const waiting = measure(doubling, { samples: [] });
  controller.abort(new Error('enough'));
  await expect(waiting).rejects.toThrow('enough');
});
