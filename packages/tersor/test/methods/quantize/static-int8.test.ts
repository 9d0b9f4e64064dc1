import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applySteps } from '../../../src/compress/apply.ts';
import { openRunner, type Runner } from '../../../src/compress/runner.ts';
import { denseOf } from '../../../src/core/decode.ts';
import type { Engine } from '../../../src/core/engine.ts';
import { makeNode } from '../../../src/core/graph.ts';
import type { Model } from '../../../src/core/model.ts';
import { randomFor } from '../../../src/core/random.ts';
import type { Step } from '../../../src/core/recipe.ts';
import type { Sample } from '../../../src/core/samples.ts';
import { openEngine } from '../../../src/engine/engine-node.ts';
import { onnx } from '../../../src/formats/onnx/onnx.ts';
import { openFolder } from '../../../src/io/node-store.ts';
import { handMade, tensorInfo } from '../../support/hand-made-model.ts';
import { inlineKernels, runOn, written } from '../../support/runtimes.ts';

let engine: Engine;
let folder: string;
beforeAll(async () => {
  engine = await openEngine();
  folder = mkdtempSync(join(tmpdir(), 'static-int8-'));
});
afterAll(async () => {
  await engine.close();
  rmSync(folder, { recursive: true });
});

const SIDE = 12;
const number = (id: string, value: number) => ({
  id,
  shape: [],
  dtype: 'f32' as const,
  layout: { kind: 'dense' as const, dtype: 'f32' as const },
  load: async () => denseOf(Float32Array.of(value), []),
});

/** A convolution with Clip, one a channel with hard swish, one that is added to what was before, a pool and a classifier. */
function network(opset = 13): Model {
  const clip = (from: string, to: string) =>
    opset < 11 ? makeNode('Clip', [from], [to], { min: { float: 0 }, max: { float: 6 } }) : makeNode('Clip', [from, 'zero', 'six'], [to]);
  return handMade({
    opset,
    nodes: [
      makeNode('Conv', ['x', 'first', 'firstBias'], ['c1'], { pads: [1, 1, 1, 1] }),
      clip('c1', 'a1'),
      makeNode('Conv', ['a1', 'depthwise', 'depthwiseBias'], ['c2'], { pads: [1, 1, 1, 1], group: 16 }),
      makeNode('Add', ['c2', 'three'], ['s2']),
      clip('s2', 'h2'),
      makeNode('Mul', ['c2', 'h2'], ['a2']),
      makeNode('Conv', ['a2', 'last'], ['c3']),
      makeNode('Add', ['a1', 'c3'], ['sum']),
      makeNode('MaxPool', ['sum'], ['pooled'], { kernel_shape: [2, 2], strides: [2, 2] }),
      makeNode('GlobalAveragePool', ['pooled'], ['mean']),
      makeNode('Flatten', ['mean'], ['flat']),
      makeNode('Gemm', ['flat', 'head', 'headBias'], ['y'], { transB: 1 }),
    ],
    weights: {
      first: [16, 3, 3, 3],
      firstBias: [16],
      depthwise: [16, 1, 3, 3],
      depthwiseBias: [16],
      last: [16, 16, 1, 1],
      head: [10, 16],
      headBias: [10],
      zero: number('zero', 0),
      six: number('six', 6),
      three: number('three', 3),
    },
    inputs: [tensorInfo('x', 'f32', [1, 3, SIDE, SIDE])],
    outputs: [tensorInfo('y', 'f32', [1, 10])],
  });
}

const pictures = Array.from({ length: 8 }, (_, i) => {
  const random = randomFor(i, 'picture');
  return Float32Array.from({ length: 3 * SIDE * SIDE }, () => 4 * random() - 2);
});
const shape = [1, 3, SIDE, SIDE];

async function after(model: Model, step: Omit<Step, 'use'> = {}, before: readonly Step[] = []) {
  const kernels = await inlineKernels;
  const samples = pictures.slice(0, 4).map((data, i): Sample => ({ id: `${i}`, steps: [{ x: { dtype: 'f32', shape, data } }] }));
  const runner: Runner = openRunner(engine, { samples, evidence: 'data', source: 'test', notes: [] }, true, {
    format: onnx,
    target: 'node',
    kernels,
  });
  const notes: string[] = [];
  const changed = await applySteps(model, [...before, { use: 'static-int8', ...step }], {
    kernels,
    seed: 0,
    note: (about, message) => notes.push(`${about}: ${message}`),
    runner,
  });
  return { bytes: await written(changed), notes };
}

/** The operators of the graph that onnxruntime computes with, how many of each. */
async function optimised(bytes: Uint8Array): Promise<Record<string, number>> {
  const path = join(folder, 'optimised.onnx');
  const options = { optimizedModelFilePath: path, graphOptimizationLevel: 'extended', logSeverityLevel: 4 } as const;
  await (await InferenceSession.create(bytes, options)).release();
  const { store, name } = await openFolder(path);
  const counts: Record<string, number> = {};
  for (const { op } of (await onnx.open(store, name)).graph?.nodes ?? []) counts[op] = (counts[op] ?? 0) + 1;
  await store.close();
  return counts;
}

/** What part of the original's outputs' variance is lost on pictures that nothing observed. */
async function loss(model: Model, bytes: Uint8Array): Promise<number> {
  const original = await written(model);
  let [wrong, all] = [0, 0];
  for (const data of pictures.slice(4)) {
    const feeds = { x: { type: 'float32', shape, data } } as const;
    const [a, b] = [(await runOn('node', original, feeds)).y!, (await runOn('node', bytes, feeds)).y!];
    for (let i = 0; i < a.length; i++) [wrong, all] = [wrong + (a[i]! - b[i]!) ** 2, all + a[i]! ** 2];
  }
  return wrong / all;
}

const WHOLE = {
  QLinearConv: 3,
  QLinearAdd: 2,
  QLinearMul: 1,
  QLinearGlobalAveragePool: 1,
  QGemm: 1,
  MaxPool: 1,
  QuantizeLinear: 1,
  Flatten: 1,
};
const BETWEEN_FLOATS = ['Conv', 'Gemm', 'Add', 'Mul', 'Clip', 'GlobalAveragePool', 'DequantizeLinear'];

describe('static-int8', () => {
  it.each(['qdq', 'qoperator'])('every operator computes with codes in onnxruntime: %s', async (format) => {
    const model = network();
    const { bytes, notes } = await after(model, { format });
    const found = await optimised(bytes);
    expect(found).toMatchObject(WHOLE);
    expect(Object.keys(found).filter((op) => BETWEEN_FLOATS.includes(op))).toEqual([]);
    expect(notes).toEqual([]);
    expect(await loss(model, bytes)).toBeLessThan(0.005);
  });

  it.each(['minmax', 'percentile', 'entropy', 'mse'])('ranges: %s', async (ranges) => {
    const model = network();
    expect(await loss(model, (await after(model, { ranges, range: 'full' })).bytes)).toBeLessThan(0.005);
  });

  it.each(['u8u8', 's8s8'])('computes the same with other types: %s', async (types) => {
    const model = network();
    for (const format of ['qdq', 'qoperator']) expect(await loss(model, (await after(model, { types, format })).bytes)).toBeLessThan(0.005);
  });

  it('folds normalizations first, which would stand between codes', async () => {
    const plain = network();
    const nodes = plain.graph!.nodes.map((node) => (node.outputs[0] === 'c1' ? { ...node, name: 'raw', outputs: ['raw'] } : node));
    const values = (id: string, value: (i: number) => number) => ({
      ...number(id, 0),
      shape: [16],
      load: async () =>
        denseOf(
          Float32Array.from({ length: 16 }, (_, i) => value(i)),
          [16],
        ),
    });
    const added = [
      values('gain', (i) => 1 + i / 16),
      values('shift', (i) => i / 8 - 1),
      values('center', () => 0.1),
      values('spread', (i) => 0.5 + i / 8),
    ];
    const ids = added.map(({ id }) => id);
    const model: Model = {
      ...plain,
      weights: new Map([...plain.weights, ...added.map((weight) => [weight.id, weight] as const)]),
      graph: {
        ...plain.graph!,
        nodes: [...nodes.slice(0, 1), makeNode('BatchNormalization', ['raw', ...ids], ['c1']), ...nodes.slice(1)],
        initializers: new Map([...plain.graph!.initializers, ...ids.map((id) => [id, id] as const)]),
      },
    };
    const { bytes, notes } = await after(model);
    expect(notes.join()).toContain('folded 1 BatchNormalization into weights');
    expect(await optimised(bytes)).toEqual(WHOLE);
    expect(await loss(model, bytes)).toBeLessThan(0.01);
  });

  it('carries old graphs over', async () => {
    const model = network(9);
    const { bytes } = await after(model);
    expect(await optimised(bytes)).toMatchObject(WHOLE);
    expect(await loss(model, bytes)).toBeLessThan(0.005);
  });

  it('what is left out stays as it is: the runtime gives no weight 8 bits of its own accord', async () => {
    const model = network();
    const { bytes, notes } = await after(model, { where: ['first', 'last', 'head'].map((name) => ({ name })), keep: ['M*l'] });
    const found = await optimised(bytes);
    expect(found).toMatchObject({ QLinearConv: 2, QGemm: 1, Conv: 1, Mul: 1 });
    expect(notes).toEqual([]);
    expect(await loss(model, bytes)).toBeLessThan(0.005);
  });

  it('keeps the codes of weights that were rounded before', async () => {
    const rounded: Step = { use: 'rtn', bits: 8, block: 'row', symmetric: true, minimum: 1, scale: 'f32' };
    const { bytes } = await after(network(), {}, [rounded]);
    expect(await optimised(bytes)).toMatchObject(WHOLE);
  });

  it('multiplies activations, and leaves recurrent layers to other methods', async () => {
    const model = handMade({
      nodes: [
        makeNode('MatMul', ['x', 'query'], ['q']),
        makeNode('Transpose', ['x'], ['turned'], { perm: [0, 1, 3, 2] }),
        makeNode('MatMul', ['q', 'turned'], ['scores']),
        makeNode('Softmax', ['scores'], ['attended'], { axis: -1 }),
        makeNode('Reshape', ['attended', 'row'], ['steps']),
        makeNode('GRU', ['steps', 'input', 'state'], ['', 'y'], { hidden_size: 4 }),
      ],
      weights: { query: [SIDE, SIDE], row: [36n, 1n, 12n], input: [1, 12, SIDE], state: [1, 12, 4] },
      inputs: [tensorInfo('x', 'f32', [1, 3, SIDE, SIDE])],
      outputs: [tensorInfo('y', 'f32')],
    });
    const { bytes, notes } = await after(model, { attention: true });
    // the product whose result becomes codes is one with them
    expect(await optimised(bytes)).toMatchObject({ QLinearMatMul: 1, MatMulIntegerToFloat: 1, GRU: 1, Softmax: 1 });
    expect(notes.map((note) => note.split(':')[0])).toEqual(['input', 'state']);
    expect(await optimised((await after(model)).bytes)).toMatchObject({ MatMulIntegerToFloat: 1, FusedMatMul: 1 });
  });

  it('says so where nothing runs the model', async () => {
    const changed = await applySteps(network(), [{ use: 'static-int8' }], { kernels: await inlineKernels, seed: 0, note: () => {} });
    await expect(written(changed)).rejects.toThrow('nothing runs the model');
  });
});
