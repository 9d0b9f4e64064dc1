import { describe, expect, it } from 'vitest';
import { elementsOf } from '../../../src/core/dtype.ts';
import type { Model } from '../../../src/core/model.ts';
import { halfPrecision } from '../../../src/core/precision/half-precision.ts';
import { randomFor } from '../../../src/core/random.ts';
import { openKernels } from '../../../src/kernels/open-kernels.ts';
import { runOn, type TestFeed, written } from '../../support/runtimes.ts';
import { CASES, type OperatorCase } from '../opset/operator-cases.ts';

/** Of the largest value of each output: eleven bits, a few operations long. */
const TOLERANCE = 1e-2;

describe('halfPrecision', () => {
  it.each(CASES)('gives a model that loads and computes alike: $name', async (operator) => {
    const { model } = operator;
    const kernels = await openKernels({ threads: 0 });
    const options = { keepIo: true, floor: false, keep: [], untouched: new Set<string>(), stored: new Set<string>() };
    const half = await halfPrecision(model, options, {
      scope: [],
      kernels,
      note: () => {},
      observed: async () => undefined,
      recall: (_, make) => make(),
      random: () => () => 0,
    });
    const [before, after] = [await run(model, operator), await run(half, operator)];
    expect(Object.keys(after)).toEqual(Object.keys(before));
    for (const [name, values] of Object.entries(before)) {
      const numbers = Array.from(values, Number);
      const largest = Math.max(1e-3, ...numbers.filter(Number.isFinite).map(Math.abs));
      const worst = Math.max(0, ...numbers.map((value, i) => Math.abs(value - Number(after[name]?.[i]))));
      expect(worst / largest, name).toBeLessThan(TOLERANCE);
    }
  });
});

async function run(model: Model, { feeds, name }: OperatorCase): Promise<Record<string, ArrayLike<number>>> {
  const random = randomFor(2, name);
  const values = Object.entries(feeds).map(([input, shape]): [string, TestFeed] => {
    const data = Float32Array.from({ length: elementsOf(shape) }, () => random() * 2 - 1);
    return [input, { type: 'float32', shape, data }];
  });
  return runOn('node', await written(model), Object.fromEntries(values));
}
