import { expect, it } from 'vitest';
import { decode } from '../../../src/core/decode.ts';
import { findLayers } from '../../../src/core/find-layers.ts';
import { makeNode } from '../../../src/core/graph.ts';
import type { Model, Weight } from '../../../src/core/model.ts';
import { mapWeights } from '../../../src/core/model.ts';
import { onnx } from '../../../src/formats/onnx/onnx.ts';
import { openMemory } from '../../../src/io/memory-store.ts';
import { LEVELS_OPTIONS, levelsLayout } from '../../../src/methods/levels-layout.ts';
import { levelsBySize } from '../../../src/methods/quantize/rdoq.ts';
import { handMade, tensorInfo } from '../../support/hand-made-model.ts';
import { layerZoo } from '../../support/layer-zoo.ts';
import { inlineKernels } from '../../support/runtimes.ts';
import { withBooks } from '../../support/with-books.ts';

/** What is read again of the file that `model` is written as. */
async function reopened(model: Model): Promise<Model> {
  const store = openMemory();
  await onnx.write(model, store, 'model.onnx', { target: 'node', kernels: await inlineKernels });
  await store.commit();
  return onnx.open(store, 'model.onnx');
}

const lifted = async (model: Model) => (await onnx.lift(await reopened(model))).model;

async function withLevels(model: Model, inputSteps: boolean): Promise<Model> {
  const kernels = await inlineKernels;
  const layers = new Map((await findLayers(model)).map((layer) => [layer.weight.id, layer]));
  const asked = { step: 0.2, rate: 1, trellis: LEVELS_OPTIONS.trellis.default, rows: 0.5 };
  return mapWeights(model, (weight) => {
    const layer = layers.get(weight.id);
    const layout = layer && levelsLayout(layer, inputSteps);
    return layout && { ...weight, layout, load: () => levels(weight) };
    async function levels(weight: Weight) {
      const made = await levelsBySize(weight, layout!, asked, { kernels, recall: (_, make) => make() });
      const columns = made.levels.length / made.outputSteps.length;
      return inputSteps ? { ...made, inputSteps: Int8Array.from({ length: columns }, (_, i) => (i % 7) - 3) } : made;
    }
  });
}

async function sameWeights(planned: Model, model: Model): Promise<void> {
  expect([...model.weights.keys()].sort()).toEqual([...planned.weights.keys()].sort());
  for (const weight of planned.weights.values()) {
    const found = model.weights.get(weight.id)!;
    expect(found.shape, weight.id).toEqual(weight.shape);
    expect(found.layout.kind, weight.id).toBe(weight.layout.kind);
    expect(decode(await found.load()), weight.id).toEqual(decode(await weight.load()));
  }
  expect(model.graph!.nodes.map(({ op }) => op)).toEqual(planned.graph!.nodes.map(({ op }) => op));
}

it.each([
  { vector: 4, books: 1, entries: 64 },
  { vector: 5, books: 2, entries: 16 },
  { vector: 1, books: 1, entries: 4 },
] as const)('weights by books are found in a file: %j', async (shape) => {
  const planned = await withBooks(await reopened(layerZoo()), shape);
  await sameWeights(planned, await lifted(planned));
});

it('whose books are given back as they were', async () => {
  const node = makeNode('MatMul', ['x', 'w'], ['y']);
  const model = handMade({
    nodes: [node],
    weights: { w: [64, 80] },
    inputs: [tensorInfo('x', 'f32', [2, 64])],
    outputs: [tensorInfo('y', 'f32')],
  });
  const planned = await withBooks(model, { vector: 3, books: 2, entries: 16 });
  const [before, after] = [planned.weights.get('w')!, (await lifted(planned)).weights.get('w')!];
  expect(after.layout).toEqual(before.layout);
  expect(await after.load()).toEqual(await before.load());
});

it.each([false, true])('levels are found in a file, with steps of inputs: %s', async (inputSteps) => {
  const planned = await withLevels(await reopened(layerZoo()), inputSteps);
  await sameWeights(planned, await lifted(planned));
});
