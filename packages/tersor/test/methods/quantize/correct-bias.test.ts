import { describe, expect, it } from 'vitest';
import { decode } from '../../../src/core/decode.ts';
import { findLayers } from '../../../src/core/find-layers.ts';
import { makeNode } from '../../../src/core/graph.ts';
import type { Context, Declaration } from '../../../src/core/method.ts';
import type { Model } from '../../../src/core/model.ts';
import { parseOptions } from '../../../src/core/options.ts';
import { randomFor } from '../../../src/core/random.ts';
import { openKernels } from '../../../src/kernels/open-kernels.ts';
import { cutMean } from '../../../src/methods/normalized-means.ts';
import { METHODS } from '../../../src/methods/registry.gen.ts';
import { handMade, tensorInfo } from '../../support/hand-made-model.ts';
import { runOn, written } from '../../support/runtimes.ts';

const [CHANNELS, OUTPUTS, SIDE] = [32, 48, 12];

async function apply(id: keyof typeof METHODS, from: Model, raw: Readonly<Record<string, unknown>>, rows = 1000) {
  const declaration: Declaration = METHODS[id];
  const notes: string[] = [];
  const context: Context = {
    scope: (await findLayers(from)).filter(({ kind }) => kind === 'conv' || kind === 'linear'),
    kernels: await openKernels({ threads: 0 }),
    note: (about, message) => notes.push(`${about} ${message}`),
    observed: (async () => ({ rows, groups: 1, columns: CHANNELS, values: means })) as unknown as Context['observed'],
    recall: (_, make) => make(),
    random: () => () => 0,
  };
  return { result: await (await declaration.load()).apply(from, parseOptions(id, declaration.options, raw), context), notes };
}

/** As behind Relu. */
const x = (() => {
  const random = randomFor(1, 'x');
  return Float32Array.from({ length: CHANNELS * SIDE * SIDE }, (_, i) =>
    Math.max(0, random() + Math.floor(i / SIDE ** 2) / CHANNELS - 0.5),
  );
})();
const means = Float64Array.from({ length: CHANNELS }, (_, channel) => {
  const own = x.subarray(channel * SIDE ** 2, (channel + 1) * SIDE ** 2);
  return own.reduce((sum, value) => sum + value, 0) / own.length;
});

const model = handMade({
  nodes: [makeNode('Conv', ['x', 'w', 'b'], ['y']), makeNode('Conv', ['x', 'v'], ['z'])],
  weights: { w: [OUTPUTS, CHANNELS, 1, 1], b: [OUTPUTS], v: [OUTPUTS, CHANNELS, 1, 1] },
  inputs: [tensorInfo('x', 'f32', [1, CHANNELS, SIDE, SIDE])],
  outputs: [tensorInfo('y', 'f32'), tensorInfo('z', 'f32')],
  opset: 17,
});

async function errorsOf(changed: Model): Promise<{ readonly mean: number; readonly square: number }> {
  const feeds = { x: { type: 'float32', shape: [1, CHANNELS, SIDE, SIDE], data: x } } as const;
  const [before, after] = [await runOn('node', await written(model), feeds), await runOn('node', await written(changed), feeds)];
  let [mean, square] = [0, 0];
  for (const name of ['y', 'z']) {
    for (let output = 0; output < OUTPUTS; output++) {
      const errors = Array.from(
        { length: SIDE ** 2 },
        (_, i) => after[name]![output * SIDE ** 2 + i]! - before[name]![output * SIDE ** 2 + i]!,
      );
      mean = Math.max(mean, Math.abs(errors.reduce((sum, error) => sum + error, 0) / errors.length));
      square += errors.reduce((sum, error) => sum + error * error, 0);
    }
  }
  return { mean, square };
}

describe('correct-bias', () => {
  it('makes the mean error of every output zero, with a bias where there was none', async () => {
    const { result: rounded } = await apply('rtn', model, { bits: 2, block: 'row' });
    const { result } = await apply('correct-bias', rounded, {});
    const [plain, corrected] = [await errorsOf(rounded), await errorsOf(result)];
    expect(corrected.mean).toBeLessThan(1e-3 * plain.mean);
    expect(corrected.square).toBeLessThan(0.7 * plain.square);
  });

  it('leaves biases alone where little was seen, or nothing was rounded', async () => {
    const { result: rounded } = await apply('rtn', model, { bits: 2, block: 'row' });
    const { result, notes } = await apply('correct-bias', rounded, {}, 10);
    expect(decode(await result.weights.get('b')!.load())).toEqual(decode(await model.weights.get('b')!.load()));
    expect(notes).toContain('w keeps its bias: 10 positions came through it');
    expect((await apply('correct-bias', model, {})).result.weights.get('b')).toBe(model.weights.get('b'));
  });
});

it('knows the mean of what Relu and Clip leave of a normal distribution', () => {
  const random = randomFor(2, 'normal');
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  for (const [mean, width, least, most] of [
    [0.3, 1.5, 0, Number.POSITIVE_INFINITY],
    [2, 3, 0, 6],
    [-1, 0.5, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
    [7, 0, 0, 6],
  ] as const) {
    const count = 200_000;
    let sum = 0;
    for (let i = 0; i < count; i++) sum += Math.min(most, Math.max(least, mean + width * normal()));
    expect(cutMean(mean, width, least, most)).toBeCloseTo(sum / count, 1);
  }
});
