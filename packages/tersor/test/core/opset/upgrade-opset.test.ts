import { describe, expect, it } from 'vitest';
import { elementsOf } from '../../../src/core/dtype.ts';
import { makeNode } from '../../../src/core/graph.ts';
import type { Model } from '../../../src/core/model.ts';
import { OPERATORS } from '../../../src/core/opset/operators.gen.ts';
import { UNCHANGED } from '../../../src/core/opset/unchanged.ts';
import { ADAPTERS, upgradeOpset } from '../../../src/core/opset/upgrade-opset.ts';
import { randomFor } from '../../../src/core/random.ts';
import { handMade, tensorInfo } from '../../support/hand-made-model.ts';
import { runOn, type TestFeed, written } from '../../support/runtimes.ts';
import { CASES, type OperatorCase, PER_FEATURE } from './operator-cases.ts';

/** Each is the first that has some adapter's form. */
const TARGETS = [10, 11, 13, 18, 21, 25];

describe('the history of operators', () => {
  it('leaves no version that looks different unread', () => {
    const unread = Object.entries(OPERATORS).flatMap(([op, versions]) =>
      versions
        .slice(1)
        .flatMap(([since, , changed]) => (changed && !ADAPTERS[op]?.[since] && !UNCHANGED[op]?.includes(since) ? [`${op} ${since}`] : [])),
    );
    expect(unread).toEqual([]);
  });

  it('knows no version that does not exist, and none as both unchanged and adapted', () => {
    const exists = (op: string, version: number) => OPERATORS[op]?.some(([since]) => since === version);
    for (const [op, versions] of Object.entries(ADAPTERS))
      for (const version of Object.keys(versions)) expect([op, version, exists(op, Number(version))]).toEqual([op, version, true]);
    for (const [op, versions] of Object.entries(UNCHANGED)) {
      for (const version of versions)
        expect([op, version, exists(op, version), ADAPTERS[op]?.[version]]).toEqual([op, version, true, undefined]);
    }
  });
});

describe('upgradeOpset', () => {
  it.each(CASES)('computes the same: $name', async (operator) => {
    const before = await run(operator.model, operator);
    for (const to of TARGETS.filter((target) => target > operator.opset && target <= operator.last)) {
      const upgraded = await upgradeOpset(operator.model, to);
      expect(upgraded.graph?.opsets.get('')).toBe(to);
      expectClose(await run(upgraded, operator), before, `opset ${to}`);
    }
  });

  it('expresses statistics of every feature, which runtimes do not know any more', async () => {
    const upgraded = await upgradeOpset(PER_FEATURE.model, 9);
    const { out } = await run(upgraded, PER_FEATURE);
    const [scale, bias, mean, variance] = await Promise.all(
      ['scale', 'bias', 'mean', 'variance'].map((id) => valuesOf(PER_FEATURE.model, id)),
    );
    const x = feedsOf(PER_FEATURE).x?.data as Float32Array;
    const expected = Array.from(
      x,
      (value, i) => ((value - mean![i % 18]!) / Math.sqrt(variance![i % 18]! + 0.5)) * scale![i % 18]! + bias![i % 18]!,
    );
    expectClose({ out }, { out: Float32Array.from(expected) }, 'opset 9');
  });

  it('does the same in one step or in many', async () => {
    for (const { model, opset } of CASES) {
      const atOnce = await upgradeOpset(model, 25);
      let stepwise = model;
      for (let to = opset + 1; to <= 25; to++) stepwise = await upgradeOpset(stepwise, to);
      expect(stepwise.graph?.nodes.map(({ op }) => op)).toEqual(atOnce.graph?.nodes.map(({ op }) => op));
    }
  });

  const single = (opset: number, op: string, plain: Parameters<typeof makeNode>[3] = {}, outputs = ['out'], inputs = ['x']) =>
    handMade({
      nodes: [makeNode(op, inputs, outputs, plain)],
      weights: {},
      inputs: inputs.map((name) => tensorInfo(name, 'f32', [1, 2, 4, 4])),
      outputs: outputs.map((name) => ({ name })),
      opset,
    });

  it.each([
    ['an operator that does not exist', single(11, 'Sigmund'), 25, /Sigmund "out": opset 11 has no such operator/],
    ['an operator that is newer than the model', single(11, 'Gelu'), 25, /Gelu "out": opset 11 has no such operator/],
    ['an operator that ended', single(11, 'Upsample', {}, ['out'], ['x', 'scales']), 25, /ended with opset 10/],
    ['a mask that is read', single(7, 'Dropout', {}, ['out', 'mask']), 12, /its mask is read/],
    ['statistics that are read', single(9, 'BatchNormalization', {}, ['out', 'mean'], ['x', 's', 'b', 'm', 'v']), 14, /it trains/],
    ['scales that are computed', single(10, 'Resize', {}, ['out'], ['x', 'scales']), 11, /computed while it runs/],
    [
      'partial windows that count padding',
      single(10, 'AveragePool', { ceil_mode: 1, count_include_pad: 1 }),
      19,
      /divide the last windows/,
    ],
    ['a Scan over a batch', single(8, 'Scan', { num_scan_inputs: 1 }), 9, /goes over a batch/],
    ['opsets that go down', single(13, 'Relu'), 11, /opsets only go up/],
    ['opsets from the future', single(13, 'Relu'), 26, /the newest known is 25/],
    ['opsets from before', single(6, 'Relu'), 13, /upgrades start from 7/],
  ] as const)('refuses %s', async (_, model, to, message) => {
    await expect(upgradeOpset(model, to)).rejects.toThrow(message);
  });

  it('leaves operators of other domains as they are', async () => {
    const node = makeNode('MyOwn', ['x'], ['out'], { axes: [1] }, 'example.com');
    const model = handMade({ nodes: [node], weights: {}, inputs: [tensorInfo('x', 'f32')], outputs: [{ name: 'out' }], opset: 7 });
    expect((await upgradeOpset(model, 25)).graph?.nodes).toEqual([node]);
  });
});

async function run(model: Model, operator: OperatorCase): Promise<Record<string, ArrayLike<number>>> {
  return runOn('node', await written(model), feedsOf(operator));
}

function feedsOf({ feeds, name }: OperatorCase): Record<string, TestFeed> {
  const random = randomFor(1, name);
  return Object.fromEntries(
    Object.entries(feeds).map(([input, shape]) => {
      const data = Float32Array.from({ length: elementsOf(shape) }, () => random() * 2 - 1);
      return [input, { type: 'float32', shape, data }];
    }),
  );
}

async function valuesOf(model: Model, id: string): Promise<Float32Array> {
  const tensor = await model.weights.get(id)!.load();
  if (tensor.kind !== 'dense') throw new Error('not dense');
  return new Float32Array(tensor.bytes.slice().buffer);
}

function expectClose(
  actual: Record<string, ArrayLike<number> | undefined>,
  expected: Record<string, ArrayLike<number>>,
  where: string,
): void {
  expect(Object.keys(actual), where).toEqual(Object.keys(expected));
  for (const [name, values] of Object.entries(expected)) {
    const worst = Math.max(...Array.from(values, (value, i) => Math.abs(Number(value) - Number(actual[name]?.[i]))), 0);
    expect(actual[name]?.length, where).toBe(values.length);
    expect(worst, where).toBeLessThan(1e-5);
  }
}
