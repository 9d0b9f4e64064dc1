import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { compress } from '../src/compress.ts';
import { decode } from '../src/core/decode.ts';
import type { Feeds } from '../src/core/engine.ts';
import { makeNode } from '../src/core/graph.ts';
import { toHalfPrecision } from '../src/core/half.ts';
import type { Model } from '../src/core/model.ts';
import { randomFor } from '../src/core/random.ts';
import type { Sensitivity } from '../src/core/sensitivity.ts';
import { unreachedText } from '../src/core/text/sensitivity-text.ts';
import { onnx } from '../src/formats/onnx/onnx.ts';
import { openNodeStore } from '../src/io/node-store.ts';
import { openKernels } from '../src/kernels/open-kernels.ts';
import { sensitivity } from '../src/sensitivity.ts';
import { deepModel, WIDTH } from './support/deep-model.ts';

const DEPTH = 8;
let folder = '';
let model = '';
let all: Sensitivity;
const random = randomFor(0, 'feeds');
const data: Feeds[] = Array.from({ length: 24 }, () => ({
  x0: { dtype: 'f32', shape: [4, WIDTH], data: Float32Array.from({ length: 4 * WIDTH }, () => 2 * random() - 1) },
}));

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tersor-sensitivity-'));
  model = join(folder, 'deep.onnx');
  const store = openNodeStore(folder);
  await onnx.write(deepModel(DEPTH), store, 'deep.onnx', { target: 'node', kernels: await openKernels({ threads: 0 }) });
  await store.commit();
  await store.close();
  all = await sensitivity(model, { data, cache: join(folder, 'cache') });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('measures every layer by every step, and more bits lose less', () => {
  expect(all.layers.map(({ id }) => id)).toEqual(Array.from({ length: DEPTH }, (_, i) => `w${i}`));
  expect(all.complete).toBe(true);
  expect(all.inputs).toMatchObject({ evidence: 'data', samples: 6 });
  for (const { candidates } of all.layers) {
    expect(candidates.length).toBe(all.tried.length);
    for (const { loss } of candidates) expect(loss).toBeGreaterThanOrEqual(0);
  }
  const losses = all.tried.map(({ loss = Number.NaN }) => loss);
  expect(losses[0]).toBeGreaterThan(100 * (losses.at(-1) ?? 0));
  expect(all.tried.map(({ bytes }) => bytes)).toEqual(all.tried.map(({ bytes }) => bytes).sort((a, b) => a - b));
});

it('knows nothing of layers that no sample comes by, and is as careful with them as with others', async () => {
  const path = join(folder, 'either.onnx');
  const store = openNodeStore(folder);
  await onnx.write(eitherModel(), store, 'either.onnx', { target: 'node', kernels: await openKernels({ threads: 0 }) });
  await store.commit();
  await store.close();
  const taken = data.map((feeds) => ({ ...feeds, which: { dtype: 'bool', shape: [], data: Uint8Array.of(1) } }) as Feeds);
  const found = await sensitivity(path, { data: taken });
  const of = (id: string) => found.layers.find((layer) => layer.id === id)?.candidates.map(({ loss }) => loss);
  expect(of('other')?.length).toBeGreaterThan(3);
  expect(new Set(of('other'))).toEqual(new Set([undefined]));
  expect(of('one')).not.toContain(undefined);
  expect(unreachedText(found)).toBe(
    '1 layer is reached by no sample: what it can bear is not known, and it gets what a layer in the middle would',
  );
  expect(unreachedText(all)).toBeUndefined();
  const bytes = found.allocation!.choices.map((choice) => choice.bytes);
  const [other] = found.allocation!.choices.filter(({ id }) => id === 'other');
  expect(other!.bytes).toBeGreaterThanOrEqual(bytes.toSorted((a, b) => a - b)[1]!);
});

/** A deep model whose last product is by one of two weights, as an input says. */
function eitherModel(): Model {
  const { graph, weights, ...rest } = deepModel(6);
  const branch = (weight: string) => ({
    ...graph!,
    inputs: [],
    initializers: new Map<string, string>(),
    nodes: [makeNode('MatMul', ['x6', weight], ['given'])],
    outputs: [{ name: 'given', dtype: 'f32' as const }],
  });
  const either = {
    ...makeNode('If', ['which'], ['y']),
    graphs: new Map([
      ['then_branch', branch('one')],
      ['else_branch', branch('other')],
    ]),
  };
  const made = deepModel(8).weights;
  const like = (id: string, from: string) => ({ ...made.get(from)!, id });
  return {
    ...rest,
    weights: new Map([...weights, ['one', like('one', 'w6')], ['other', like('other', 'w7')]]),
    graph: {
      ...graph!,
      inputs: [...graph!.inputs, { name: 'which', dtype: 'bool', shape: [] }],
      initializers: new Map([...graph!.initializers, ['one', 'one'], ['other', 'other']]),
      nodes: [...graph!.nodes.slice(0, -1), either],
    },
  };
}

it('tells how far predictors may be believed, the best one first', () => {
  const found = Object.fromEntries(all.predictors.map((predictor) => [predictor.id, predictor]));
  expect(found['weight-error']?.correlation).toBeGreaterThan(0.8);
  expect(found['weight-error']?.pairs).toBe(DEPTH * all.tried.length);
  expect(found['output-error']?.pairs).toBe(DEPTH * all.tried.length);
  expect(found['output-error']?.correlation).toBeGreaterThan(0.8);
  expect(found.kurtosis?.trusted).toBe('nothing');
  const order = all.predictors.map(({ correlation = -1 }) => correlation);
  expect(order).toEqual(order.toSorted((a, b) => b - a));
});

it('knows what errors of a weight do to the outputs of its layer', async () => {
  const one = { x0: { dtype: 'f32', shape: [3, WIDTH], data: Float32Array.from({ length: 3 * WIDTH }, () => 2 * random() - 1) } } as const;
  const { weights } = deepModel(DEPTH);
  const [w0, w1] = await Promise.all(['w0', 'w1'].map(async (id) => decode(await weights.get(id)!.load())));
  const times = (x: Float32Array, w: Float32Array) =>
    Float32Array.from({ length: x.length }, (_, at) => {
      let sum = 0;
      for (let k = 0; k < WIDTH; k++) sum += x[at - (at % WIDTH) + k]! * w[k * WIDTH + (at % WIDTH)]!;
      return sum;
    });
  const x1 = times(one.x0.data, w0!).map((value, i) => one.x0.data[i]! + Math.tanh(value));
  const square = (values: Float32Array) => values.reduce((sum, value) => sum + value * value, 0);
  const error = w1!.map((value) => value - toHalfPrecision(value));
  const expected = square(times(x1, error)) / square(times(x1, w1!));
  const steps = [[{ use: 'fp16', compute: 'float' }]];
  const { layers } = await sensitivity(model, { data: [one, one], cache: false, where: [{ name: 'w1' }], steps });
  expect(layers[0]?.candidates[0]?.predicted['output-error']).toBeCloseTo(expected, 9);
  expect(expected).toBeGreaterThan(1e-8);
});

it('says what each layer gets within the loss, and why', () => {
  const { allocation } = all;
  expect(allocation?.loss).toBeLessThanOrEqual(0.01);
  expect(allocation?.measured?.loss).toBeGreaterThan(0);
  expect(allocation?.choices).toHaveLength(DEPTH);
  for (const { id, bytes, loss, smaller, better } of allocation?.choices ?? []) {
    const { candidates = [] } = all.layers.find((layer) => layer.id === id) ?? {};
    expect(candidates).toContainEqual(expect.objectContaining({ bytes, loss }));
    if (smaller) expect([Math.sign(smaller.bytes), Math.sign(smaller.loss)]).toEqual([-1, 1]);
    if (better) expect([Math.sign(better.bytes), Math.sign(better.loss)]).toEqual([1, -1]);
  }
});

it('keeps what it measured, and the search knows it, too', async () => {
  const again = await sensitivity(model, { data, cache: join(folder, 'cache') });
  expect(again.forwards).toBe(0);
  expect(again.layers).toEqual(all.layers);
  const asked = { data, output: join(folder, 'out.onnx'), budget: { drop: 0.003, latency: 100 } };
  const first = await compress(model, { ...asked, cache: join(folder, 'cache') });
  const afresh = await compress(model, { ...asked, cache: false, force: true });
  expect(first.recipe).toEqual(afresh.recipe);
  expect(first.search?.forwards).toBeLessThan(0.7 * (afresh.search?.forwards ?? 0));
});

it('looks at the layers and steps that were named', async () => {
  const steps = [
    [{ use: 'rtn', bits: 4, block: 16 }],
    [
      { use: 'fp16', compute: 'float' },
      { use: 'rtn', bits: 8 },
    ],
  ];
  const some = await sensitivity(model, { data, cache: false, where: [{ name: 'w1' }, { name: 'w2' }, { name: 'w3' }], steps });
  expect(some.layers.map(({ id }) => id)).toEqual(['w1', 'w2', 'w3']);
  expect(some.tried.map((tried) => tried.steps)).toEqual(steps);
  await expect(sensitivity(model, { data, cache: false, where: [{ name: 'q1' }] })).rejects.toThrow('[RULE_UNMATCHED]');
});

it('gives what is known by then when it is enough', async () => {
  const enough = new AbortController();
  const some = await sensitivity(model, {
    data,
    cache: false,
    enough: enough.signal,
    onProgress: ({ phase, done }) => phase === 'measure' && done === 3 && enough.abort(),
  });
  expect(some.complete).toBe(false);
  expect(some.allocation).toBeUndefined();
  const measured = some.layers.filter(({ candidates }) => candidates.every(({ loss }) => loss !== undefined));
  expect(measured.map(({ id }) => id)).toEqual(['w0', 'w1', 'w2']);
  for (const [at, { candidates }] of measured.entries()) expect(candidates).toEqual(all.layers[at]?.candidates);
});
