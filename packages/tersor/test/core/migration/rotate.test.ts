import { expect, it } from 'vitest';
import { decode } from '../../../src/core/decode.ts';
import { findLayers } from '../../../src/core/find-layers.ts';
import { type Node, makeNode as node } from '../../../src/core/graph.ts';
import type { Context } from '../../../src/core/method.ts';
import type { Model } from '../../../src/core/model.ts';
import { parseOptions } from '../../../src/core/options.ts';
import { randomFor } from '../../../src/core/random.ts';
import rotate from '../../../src/methods/migrate/rotate.ts';
import { handMade, tensorInfo } from '../../support/hand-made-model.ts';
import { inlineKernels, runOn, type TestFeed, written } from '../../support/runtimes.ts';

const WIDTH = 32;

/** Root mean square normalization, spelled out, of the value `x`. */
function rms(x: string, gamma: string, y: string): Node[] {
  return [
    node('Mul', [x, x], [`${y}_square`]),
    node('ReduceMean', [`${y}_square`], [`${y}_mean`], { axes: [-1] }),
    node('Sqrt', [`${y}_mean`], [`${y}_root`]),
    node('Div', [x, `${y}_root`], [`${y}_unit`]),
    node('Mul', [`${y}_unit`, gamma], [y]),
  ];
}

/** A language model of one block, whose table of words is its last layer, too, if `tied`. */
function language(tied: boolean): Model {
  const heads = (name: string) => [
    node('MatMul', ['n', `w${name}`], [`${name}0`]),
    node('Reshape', [`${name}0`, 'heads'], [`${name}1`]),
    node('Transpose', [`${name}1`], [`${name}2`], { perm: [0, 2, 1, 3] }),
  ];
  return handMade({
    nodes: [
      node('Gather', ['table', 'x'], ['h']),
      ...rms('h', 'gamma', 'n'),
      ...heads('q'),
      ...heads('k'),
      ...heads('v'),
      node('Transpose', ['k2'], ['kt'], { perm: [0, 1, 3, 2] }),
      node('MatMul', ['q2', 'kt'], ['scores']),
      node('Softmax', ['scores'], ['p'], { axis: -1 }),
      node('MatMul', ['p', 'v2'], ['mixed']),
      node('Transpose', ['mixed'], ['back'], { perm: [0, 2, 1, 3] }),
      node('Reshape', ['back', 'flat'], ['joined']),
      node('MatMul', ['joined', 'wo'], ['o']),
      node('Add', ['h', 'o'], ['h1']),
      ...rms('h1', 'gamma1', 'm'),
      node('MatMul', ['m', 'gate'], ['g']),
      node('Sigmoid', ['g'], ['s']),
      node('MatMul', ['m', 'up'], ['u']),
      node('Mul', ['s', 'u'], ['su']),
      node('MatMul', ['su', 'down'], ['d']),
      node('Add', ['h1', 'd'], ['h2']),
      ...rms('h2', 'gamma2', 'last'),
      ...(tied ? [node('Transpose', ['table'], ['words'], { perm: [1, 0] })] : []),
      node('MatMul', ['last', 'words'], ['y']),
    ],
    weights: {
      table: [50, WIDTH],
      gamma: [WIDTH],
      gamma1: [WIDTH],
      gamma2: [WIDTH],
      wq: [WIDTH, WIDTH],
      wk: [WIDTH, WIDTH],
      wv: [WIDTH, WIDTH],
      wo: [WIDTH, WIDTH],
      gate: [WIDTH, 48],
      up: [WIDTH, 48],
      down: [48, WIDTH],
      heads: [0n, 0n, 2n, 16n],
      flat: [0n, 0n, BigInt(WIDTH)],
      ...(!tied && { words: [WIDTH, 50] }),
    },
    inputs: [tensorInfo('x', 'i64', ['batch', 'length'])],
    outputs: [tensorInfo('y', 'f32')],
  });
}

async function rotated(model: Model, borders = 0): Promise<{ readonly result: Model; readonly notes: string[] }> {
  const notes: string[] = [];
  const context: Context = {
    scope: await findLayers(model),
    kernels: await inlineKernels,
    note: (about, message) => notes.push(`${about} ${message}`),
    observed: async () => undefined,
    recall: (_, make) => make(),
    random: () => () => 0,
  };
  return { result: await rotate.apply(model, parseOptions('rotate', rotate.options, { borders }), context), notes };
}

async function expectSame(before: Model, after: Model): Promise<void> {
  const random = randomFor(5, 'x');
  const data = BigInt64Array.from({ length: 14 }, () => BigInt(Math.floor(50 * random())));
  const feeds: Record<string, TestFeed> = { x: { type: 'int64', shape: [2, 7], data } };
  const [a, b] = [await runOn('node', await written(before), feeds), await runOn('node', await written(after), feeds)];
  const largest = Math.max(...Array.from(a.y!, Math.abs));
  for (const [i, value] of Array.from(a.y!).entries()) expect(Math.abs(value - b.y![i]!) / largest).toBeLessThan(1e-4);
}

async function changed(before: Model, after: Model): Promise<string[]> {
  const ids: string[] = [];
  for (const [id, weight] of before.weights) {
    const young = after.weights.get(id);
    if (weight.dtype !== 'f32' || !young || weight === young) continue;
    const [a, b] = [decode(await weight.load()), decode(await young.load())];
    if (a.some((value, i) => Math.abs(value - b[i]!) > 1e-3)) ids.push(id);
  }
  return ids;
}

it('turns the residual stream and the values of heads, and nothing is computed for it', async () => {
  const model = language(false);
  const { result } = await rotated(model);
  await expectSame(model, result);
  expect(result.graph?.nodes.length).toBe(model.graph?.nodes.length);
  const all = ['table', 'gamma', 'gamma1', 'gamma2', 'wq', 'wk', 'wv', 'wo', 'gate', 'up', 'down', 'words'];
  expect(await changed(model, result)).toEqual(all);
});

it('turns values of heads alone where a table of words is tied', async () => {
  const model = language(true);
  const { result, notes } = await rotated(model);
  await expectSame(model, result);
  expect(notes).toContain('gate reads channels that are not turned: table is shared by several operators');
  const inner = (await changed(model, result)).filter((id) => !id.startsWith('gamma'));
  expect(inner).toEqual(['wq', 'wk', 'wv', 'wo', 'gate', 'up']);
});

it('is undone at borders where that is allowed', async () => {
  const model = language(true);
  const { result } = await rotated(model, 2);
  await expectSame(model, result);
  // behind the table, in front of the last factors, and behind the product that the last layer of the block reads
  expect(result.graph?.nodes.filter(({ op }) => op === 'MatMul').length).toBe(10 + 3);
  expect(await changed(model, result)).toEqual(['gamma', 'gamma1', 'wq', 'wk', 'wv', 'wo', 'gate', 'up', 'down']);
});

it('spreads outliers over a block', async () => {
  const model = language(false);
  const spiked = { ...model, weights: new Map(model.weights) };
  const wo = model.weights.get('wo')!;
  spiked.weights.set('wo', {
    ...wo,
    load: async () => {
      const tensor = await wo.load();
      const values = decode(tensor).slice();
      for (let i = 0; i < WIDTH; i++) values[3 * WIDTH + i]! *= 50;
      return { ...tensor, bytes: new Uint8Array(values.buffer) } as typeof tensor;
    },
  });
  const { result } = await rotated(spiked);
  const peak = async ({ weights }: Model) => Math.max(...decode(await weights.get('wo')!.load()).map(Math.abs));
  expect(await peak(result)).toBeLessThan(0.5 * (await peak(spiked)));
});
