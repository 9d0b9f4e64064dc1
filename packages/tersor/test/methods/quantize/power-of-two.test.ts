import { expect, it } from 'vitest';
import { decode, denseOf } from '../../../src/core/decode.ts';
import { findLayers } from '../../../src/core/find-layers.ts';
import { makeNode } from '../../../src/core/graph.ts';
import type { Context } from '../../../src/core/method.ts';
import type { Weight } from '../../../src/core/model.ts';
import { randomFor } from '../../../src/core/random.ts';
import { integerLayout } from '../../../src/methods/integer-layout.ts';
import powerOfTwo from '../../../src/methods/quantize/power-of-two.ts';
import { quantizeWeight } from '../../../src/methods/quantize-weight.ts';
import { gaussian } from '../../kernels/values.ts';
import { handMade, tensorInfo } from '../../support/hand-made-model.ts';
import { inlineKernels } from '../../support/runtimes.ts';

const shape = [64, 32];
const ordinary = gaussian(64 * 32, 4).map((value, i) => value * (0.01 + (i % 32)));

async function rounded(terms: 1 | 2, values = ordinary): Promise<Float32Array> {
  const node = makeNode('MatMul', ['x', 'w'], ['y']);
  const plain = handMade({
    nodes: [node],
    weights: { w: shape },
    inputs: [tensorInfo('x', 'f32', [2, 64])],
    outputs: [tensorInfo('y', 'f32')],
  });
  const weights = new Map([['w', { ...plain.weights.get('w')!, load: async () => denseOf(values, shape) }]]);
  const model = { ...plain, weights };
  const kernels = await inlineKernels;
  const context: Context = {
    scope: await findLayers(model),
    kernels,
    note: () => {},
    observed: async () => undefined,
    recall: (_, make) => make(),
    random: (id) => randomFor(1, id),
  };
  const { weights: after } = await powerOfTwo.apply(model, { terms, minimum: 1 }, context);
  return decode(await after.get('w')!.load());
}

const isPower = (value: number) => value === 0 || Number.isInteger(Math.log2(Math.abs(value)));
const errorOf = (after: Float32Array) =>
  Math.sqrt(after.reduce((sum, value, i) => sum + (value - ordinary[i]!) ** 2, 0) / ordinary.reduce((sum, value) => sum + value ** 2, 0));

it('makes every weight a power of two', async () => {
  const after = await rounded(1);
  expect(after.every(isPower)).toBe(true);
  expect(errorOf(after)).toBeLessThan(0.2);
  const integers = integerLayout({ outputAxes: [1], inputs: shape[0]! }, { bits: 4, block: 'row', symmetric: true, scale: 'f16' });
  const weight: Weight = {
    id: 'w',
    shape,
    dtype: 'f32',
    layout: { kind: 'dense', dtype: 'f32' },
    load: async () => denseOf(ordinary, shape),
  };
  expect(errorOf(decode(await quantizeWeight(weight, integers, 'mse', await inlineKernels)))).toBeLessThan(errorOf(after));
});

it('or the sum of two, which is far nearer', async () => {
  const after = await rounded(2);
  const powers = Array.from({ length: 40 }, (_, k) => 2 ** (k - 20));
  const isSum = (value: number) => isPower(value) || powers.some((power) => isPower(Math.abs(value) - power));
  expect(after.every(isSum)).toBe(true);
  expect(errorOf(after)).toBeLessThan(0.04);
});

it('makes none of the largest floats infinite', async () => {
  for (const terms of [1, 2] as const) {
    const after = await rounded(
      terms,
      ordinary.map((value, i) => (i === 5 ? 3.4e38 : value)),
    );
    expect(after.every(Number.isFinite)).toBe(true);
  }
});
