import { describe, expect, it } from 'vitest';
import { decode, denseOf } from '../../../src/core/decode.ts';
import { makeNode } from '../../../src/core/graph.ts';
import { type Model, mapWeights } from '../../../src/core/model.ts';
import { onnx } from '../../../src/formats/onnx/onnx.ts';
import { handMade, tensorInfo } from '../../support/hand-made-model.ts';
import { floats, layerZoo, zooFeeds } from '../../support/layer-zoo.ts';
import { quantized } from '../../support/quantized.ts';
import { type Runtime, runOn, written } from '../../support/runtimes.ts';

/** The same graph with the values that the compressed weights stand for. */
function decoded(model: Model): Model {
  const plain = mapWeights(model, (weight) =>
    weight.layout.kind === 'affine'
      ? { ...weight, layout: { kind: 'dense', dtype: 'f32' }, load: async () => denseOf(decode(await weight.load()), weight.shape) }
      : undefined,
  );
  return { ...plain, execution: new Map() };
}

/** Largest difference of each output to that of the decoded weights, relative to its largest magnitude. */
async function differences(
  model: Model,
  feeds: Parameters<typeof runOn>[2],
  runtimes: readonly Runtime[] = ['node', 'web'],
): Promise<[string, number][]> {
  const expected = await runOn('node', await written(decoded(model)), feeds);
  const bytes = await written(model);
  const found: [string, number][] = [];
  for (const runtime of runtimes) {
    const actual = await runOn(runtime, bytes, feeds);
    for (const [name, values] of Object.entries(expected)) {
      const peak = Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 1e-9);
      const most = Array.from(values).reduce((worst, value, i) => Math.max(worst, Math.abs(value - actual[name]![i]!)), 0);
      found.push([`${name} on ${runtime}`, most / peak]);
    }
  }
  return found;
}

const CASES = [2, 4, 8].flatMap((bits) =>
  ['row', 16, 32].flatMap((block) =>
    [true, false].flatMap((symmetric) => ['expand', 'weight-only'].map((execution) => ({ bits, block, symmetric, execution }))),
  ),
);

describe('a lowered model', () => {
  it.each(CASES)(
    'computes with the decoded values, in the size it planned: $bits bits, block $block, symmetric $symmetric, $execution',
    async (options) => {
      const model = await quantized(layerZoo(), options);
      // MatMulNBits rounds activations to 8 bits where it has no float kernel; everything else differs by the order of sums.
      const rounded = options.execution === 'weight-only' && options.bits !== 4;
      for (const [name, value] of await differences(model, zooFeeds(options.symmetric))) {
        expect(value, name).toBeLessThan(rounded && !name.includes('embedding') ? 0.03 : 2e-5);
      }
      const planned = await onnx.size(model, 'node');
      expect((await written(model)).length).toBe(planned.bytes);
      expect([...planned.weights.keys()].filter((id) => model.weights.has(id)).sort()).toEqual([...model.weights.keys()].sort());
    },
  );

  it.each([7, 9, 10, 11, 13, 17, 21])('works at operator set %i', async (opset) => {
    // An odd number of 4-bit codes, which has to be cut to length after unpacking.
    const model = handMade({
      nodes: [makeNode('MatMul', ['x', 'w'], ['y']), makeNode('Conv', ['picture', 'odd'], ['z'])],
      weights: { w: [40, 24], odd: [21, 3, 3, 3] },
      inputs: [tensorInfo('x', 'f32', [3, 40]), tensorInfo('picture', 'f32', [1, 3, 5, 5])],
      outputs: [tensorInfo('y', 'f32'), tensorInfo('z', 'f32')],
      opset,
    });
    const feeds = { x: floats('x', [3, 40]), picture: floats('picture', [1, 3, 5, 5]) };
    for (const symmetric of [true, false]) {
      const lowered = await quantized(model, { bits: 4, block: 16, symmetric, execution: 'expand' });
      for (const [name, value] of await differences(lowered, feeds, ['node'])) expect(value, name).toBeLessThan(2e-5);
    }
  });

  it('loads a weight once for its codes, scales and zero points', async () => {
    const loads: string[] = [];
    const zoo = layerZoo();
    const counted = mapWeights(zoo, (weight) => ({
      ...weight,
      load: () => {
        loads.push(weight.id);
        return weight.load();
      },
    }));
    await written(await quantized(counted, { bits: 4, symmetric: false }));
    expect(loads.sort()).toEqual([...zoo.weights.keys()].sort());
  });
});
