import { describe, expect, it } from 'vitest';
import { decode } from '../../../src/core/decode.ts';
import { findLayers } from '../../../src/core/find-layers.ts';
import { makeNode } from '../../../src/core/graph.ts';
import type { Context, Declaration } from '../../../src/core/method.ts';
import type { Model } from '../../../src/core/model.ts';
import type { Observation } from '../../../src/core/observation.ts';
import { parseOptions } from '../../../src/core/options.ts';
import { randomFor } from '../../../src/core/random.ts';
import { openKernels } from '../../../src/kernels/open-kernels.ts';
import { METHODS } from '../../../src/methods/registry.gen.ts';
import { handMade, tensorInfo } from '../../support/hand-made-model.ts';
import { runOn, type TestFeed, written } from '../../support/runtimes.ts';

const [POSITIONS, WIDTH, OUTPUTS] = [300, 32, 24];

/** A normalization, and layers that read it. */
const model = handMade({
  nodes: [
    makeNode('LayerNormalization', ['x', 'gamma'], ['n'], { axis: -1 }),
    makeNode('MatMul', ['n', 'one'], ['a']),
    makeNode('MatMul', ['n', 'two'], ['b']),
    makeNode('Add', ['a', 'b'], ['y']),
  ],
  weights: { gamma: [WIDTH], one: [WIDTH, OUTPUTS], two: [WIDTH, OUTPUTS] },
  inputs: [tensorInfo('x', 'f32', ['n', WIDTH])],
  outputs: [tensorInfo('y', 'f32')],
  opset: 17,
});

/** What the layers read: few channels are large. */
const activations = (() => {
  const random = randomFor(3, 'activations');
  return Array.from({ length: POSITIONS }, () =>
    Array.from({ length: WIDTH }, (_, i) => (random() + random() - 1) * (i % 11 === 3 ? 20 : 1)),
  );
})();

/** As the runtime would see them. */
async function observed({ statistic }: Observation): Promise<unknown> {
  const along = (fold: (sum: number, value: number) => number) =>
    Float64Array.from({ length: WIDTH }, (_, i) => activations.reduce((sum, row) => fold(sum, row[i]!), 0));
  const about = { rows: POSITIONS, groups: 1, columns: WIDTH };
  if (statistic === 'outliers') return { ...about, values: along((most, value) => Math.max(most, Math.abs(value))) };
  if (statistic === 'mean-square') return { ...about, values: along((sum, value) => sum + value ** 2 / POSITIONS) };
  const values = Float64Array.from({ length: WIDTH ** 2 }, (_, at) => {
    const [i, j] = [Math.floor(at / WIDTH), at % WIDTH];
    return activations.reduce((sum, row) => sum + row[i]! * row[j]!, 0);
  });
  return { ...about, values };
}

async function apply(id: keyof typeof METHODS, from: Model, raw: Readonly<Record<string, unknown>> = {}, where = (_: string) => true) {
  const declaration: Declaration = METHODS[id];
  const notes: string[] = [];
  const context: Context = {
    scope: (await findLayers(from)).filter(({ weight }) => where(weight.id)),
    kernels: await openKernels({ threads: 0 }),
    note: (about, message) => notes.push(`${about} ${message}`),
    observed: observed as Context['observed'],
    recall: (_, make) => make(),
    random: () => () => 0,
  };
  const result = await (await declaration.load()).apply(from, parseOptions(id, declaration.options, raw), context);
  return { result, notes, context };
}

async function valuesOf({ weights }: Model, id: string): Promise<Float32Array> {
  return decode(await weights.get(id)!.load());
}

/** What `one` and `two` lose when they are rounded to the nearest. */
async function lossOf(migrated: Model): Promise<number> {
  const kernels = await openKernels({ threads: 0 });
  const gamma = await valuesOf(migrated, 'gamma');
  const before = await valuesOf(model, 'gamma');
  let loss = 0;
  for (const id of ['one', 'two']) {
    const values = await kernels.transpose(await valuesOf(migrated, id), WIDTH, OUTPUTS);
    const spec = { rows: OUTPUTS, columns: WIDTH, block: 16, bits: 4, symmetric: false, fit: 'mse', scale: 'f32' } as const;
    const rounded = await kernels.dequantize(await kernels.quantize(values, spec), spec);
    for (const row of activations) {
      for (let output = 0; output < OUTPUTS; output++) {
        const off = row.reduce(
          (sum, x, i) => sum + ((x * gamma[i]!) / before[i]!) * (rounded[output * WIDTH + i]! - values[output * WIDTH + i]!),
          0,
        );
        loss += off ** 2;
      }
    }
  }
  return loss;
}

async function expectSame(before: Model, after: Model, shape: readonly number[]): Promise<void> {
  const random = randomFor(5, 'x');
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 2 * random() - 1);
  const feeds: Record<string, TestFeed> = { x: { type: 'float32', shape, data } };
  const [a, b] = [await runOn('node', await written(before), feeds), await runOn('node', await written(after), feeds)];
  const largest = Math.max(...Array.from(a.y!, Math.abs));
  for (const [i, value] of Array.from(a.y!).entries()) expect(Math.abs(value - b.y![i]!) / largest).toBeLessThan(1e-5);
}

describe('awq', () => {
  it('makes layers lose less by rounding, and the model computes the same', async () => {
    const { result } = await apply('awq', model, { block: 16 });
    await expectSame(model, result, [7, WIDTH]);
    expect(await lossOf(result)).toBeLessThan(0.7 * (await lossOf(model)));
  });

  it('sees layers outside of its scope as what changes with the others', async () => {
    const { result } = await apply('awq', model, { block: 16 }, (id) => id === 'one');
    await expectSame(model, result, [7, WIDTH]);
    expect(await valuesOf(result, 'two')).not.toEqual(await valuesOf(model, 'two'));
  });
});

describe('smooth', () => {
  it('divides channels by what alpha says', async () => {
    const { result } = await apply('smooth', model, { alpha: 0.5 });
    await expectSame(model, result, [7, WIDTH]);
    const [one, two, after] = [await valuesOf(model, 'one'), await valuesOf(model, 'two'), await valuesOf(result, 'one')];
    const factors = Array.from({ length: WIDTH }, (_, i) => {
      const row = (values: Float32Array) => Array.from(values.subarray(i * OUTPUTS, (i + 1) * OUTPUTS), Math.abs);
      const size = Math.max(...activations.map((each) => Math.abs(each[i]!)));
      return Math.sqrt(size / Math.max(...row(one), ...row(two)));
    });
    const middle = Math.sqrt(Math.max(...factors) * Math.min(...factors));
    for (const [i, value] of after.entries()) expect(value).toBeCloseTo((one[i]! * factors[Math.floor(i / OUTPUTS)]!) / middle, 5);
  });

  it('finds an alpha that takes outliers from activations', async () => {
    const { result } = await apply('smooth', model);
    await expectSame(model, result, [7, WIDTH]);
    const [before, after] = [await valuesOf(model, 'gamma'), await valuesOf(result, 'gamma')];
    const sizes = Array.from({ length: WIDTH }, (_, i) => Math.max(...activations.map((row) => Math.abs(row[i]!))));
    const spread = (values: readonly number[]) => Math.max(...values) / Math.min(...values);
    expect(spread(sizes.map((size, i) => (size * after[i]!) / before[i]!))).toBeLessThan(0.5 * spread(sizes));
  });
});

describe('equalize', () => {
  const weights = {
    first: [6, 3, 3, 3],
    scale: [6],
    shift: [6],
    mean: [6],
    variance: variance('variance', 6),
    depthwise: [6, 1, 3, 3],
    bias: [6],
    last: [4, 6, 1, 1],
  };
  const network = handMade({
    nodes: [
      makeNode('Conv', ['x', 'first'], ['a']),
      makeNode('BatchNormalization', ['a', 'scale', 'shift', 'mean', 'variance'], ['b']),
      makeNode('Relu', ['b'], ['c']),
      makeNode('Conv', ['c', 'depthwise', 'bias'], ['d'], { group: 6 }),
      makeNode('Relu', ['d'], ['e']),
      makeNode('Conv', ['e', 'last'], ['y']),
    ],
    weights,
    inputs: [tensorInfo('x', 'f32', [1, 3, 8, 8])],
    outputs: [tensorInfo('y', 'f32')],
  });

  /** As the method asks for: with normalizations folded. */
  const equalize = async (from: Model) => apply('equalize', (await apply('fold-batchnorm', from)).result);

  it('makes the ranges of both sides of each channel the same', async () => {
    const { result, notes } = await equalize(network);
    await expectSame(network, result, [1, 3, 8, 8]);
    const [first, depthwise, last] = [await valuesOf(result, 'first'), await valuesOf(result, 'depthwise'), await valuesOf(result, 'last')];
    const peak = (values: Iterable<number>) => Math.max(...Array.from(values, Math.abs));
    for (let i = 0; i < 6; i++) {
      const own = peak(depthwise.subarray(9 * i, 9 * i + 9));
      expect(peak(first.subarray(27 * i, 27 * i + 27))).toBeCloseTo(own, 3);
      expect(peak([0, 1, 2, 3].map((row) => last[6 * row + i]!))).toBeCloseTo(own, 3);
    }
    expect(notes).toContain('first is not balanced: x comes from outside of the graph');
  });

  it('gives the same again', async () => {
    const { result } = await equalize(network);
    const again = await equalize(result);
    for (const id of ['first', 'last']) {
      const [once, twice] = [await valuesOf(result, id), await valuesOf(again.result, id)];
      for (const [i, value] of once.entries()) expect(twice[i]).toBeCloseTo(value, 4);
    }
  });
});

/** Variances are positive. */
function variance(id: string, count: number) {
  const bytes = new Uint8Array(Float32Array.from({ length: count }, (_, i) => 0.1 + 2 ** (i - 4)).buffer);
  const shape = [count];
  const load = async () => ({ kind: 'dense' as const, dtype: 'f32' as const, shape, bytes });
  return { id, shape, dtype: 'f32' as const, layout: { kind: 'dense' as const, dtype: 'f32' as const }, load };
}
