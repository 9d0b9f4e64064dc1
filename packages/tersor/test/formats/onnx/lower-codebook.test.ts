import { expect, it } from 'vitest';
import { decode, denseOf } from '../../../src/core/decode.ts';
import { makeNode } from '../../../src/core/graph.ts';
import { type Model, mapWeights } from '../../../src/core/model.ts';
import { onnx } from '../../../src/formats/onnx/onnx.ts';
import { handMade, tensorInfo } from '../../support/hand-made-model.ts';
import { floats, layerZoo, zooFeeds } from '../../support/layer-zoo.ts';
import { runOn, written } from '../../support/runtimes.ts';
import { withBooks } from '../../support/with-books.ts';

function decoded(model: Model): Model {
  return mapWeights(model, (weight) =>
    weight.layout.kind === 'codebook'
      ? { ...weight, layout: { kind: 'dense', dtype: 'f32' }, load: async () => denseOf(decode(await weight.load()), weight.shape) }
      : undefined,
  );
}

it.each([
  { opset: 11, vector: 3, books: 2, entries: 16 },
  { opset: 13, vector: 1, books: 1, entries: 4 },
  { opset: 13, vector: 5, books: 2, entries: 256 },
  { opset: 21, vector: 8, books: 1, entries: 16 },
] as const)('runtimes look up what decoding gives: %j', async ({ opset, ...shape }) => {
  const model = await withBooks(layerZoo(opset), shape);
  const bytes = await written(model);
  expect(bytes.length).toBe((await onnx.size(model, 'node')).bytes);
  const plain = await written(decoded(model));
  for (const which of [true, false]) {
    const wanted = await runOn('node', plain, zooFeeds(which));
    for (const runtime of ['node', 'web'] as const) {
      const found = await runOn(runtime, bytes, zooFeeds(which));
      for (const [name, values] of Object.entries(wanted)) {
        for (let i = 0; i < values.length; i++) expect(found[name]?.[i]).toBeCloseTo(values[i]!, 4);
      }
    }
  }
});

it('and did before Slice took its bounds as inputs', async () => {
  const node = makeNode('MatMul', ['x', 'w'], ['y']);
  const model = handMade({
    nodes: [node],
    weights: { w: [41, 24] },
    inputs: [tensorInfo('x', 'f32', [2, 41])],
    outputs: [tensorInfo('y', 'f32')],
    opset: 7,
  });
  const small = await withBooks(model, { vector: 4, books: 2, entries: 16 });
  const feeds = { x: floats('x', [2, 41]) };
  const [found, wanted] = [await runOn('node', await written(small), feeds), await runOn('node', await written(decoded(small)), feeds)];
  expect(found.y).toHaveLength(48);
  for (let i = 0; i < 48; i++) expect(found.y?.[i]).toBeCloseTo(wanted.y![i]!, 4);
});
