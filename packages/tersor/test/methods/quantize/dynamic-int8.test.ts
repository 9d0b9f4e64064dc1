import { describe, expect, it } from 'vitest';
import { alreadyQuantized } from '../../../src/core/already-quantized.ts';
import { decode } from '../../../src/core/decode.ts';
import { findLayers } from '../../../src/core/find-layers.ts';
import { makeNode } from '../../../src/core/graph.ts';
import { toMatrix } from '../../../src/core/matrix.ts';
import type { Model } from '../../../src/core/model.ts';
import { parseOptions } from '../../../src/core/options.ts';
import type { AffineTensor } from '../../../src/core/tensor.ts';
import { onnx } from '../../../src/formats/onnx/onnx.ts';
import { openMemory } from '../../../src/io/memory-store.ts';
import dynamicInt8 from '../../../src/methods/quantize/dynamic-int8.ts';
import { handMade, tensorInfo } from '../../support/hand-made-model.ts';
import { layerZoo } from '../../support/layer-zoo.ts';
import { inlineKernels, written } from '../../support/runtimes.ts';

async function apply(model: Model, raw: Readonly<Record<string, unknown>>) {
  const notes: [string, string][] = [];
  const context = {
    scope: await findLayers(model),
    kernels: await inlineKernels,
    note: (about: string, message: string) => notes.push([about, message]),
    observed: async () => undefined,
    recall: <T>(_: string, make: () => Promise<T>) => make(),
    random: () => Math.random,
  };
  return { model: await dynamicInt8.apply(model, parseOptions('dynamic-int8', dynamicInt8.options, raw), context), notes };
}

const product = () =>
  handMade({
    nodes: [makeNode('MatMul', ['x', 'w'], ['y'])],
    weights: { w: [60, 30] },
    inputs: [tensorInfo('x', 'f32')],
    outputs: [tensorInfo('y', 'f32')],
  });

async function weightOf(raw: Readonly<Record<string, unknown>>): Promise<AffineTensor> {
  const tensor = await (await apply(product(), raw)).model.weights.get('w')!.load();
  if (tensor.kind !== 'affine') throw new Error(`came as ${tensor.kind}`);
  return tensor;
}

describe('dynamic-int8', () => {
  it('takes linear and recurrent layers, and says what it leaves alone', async () => {
    const { model, notes } = await apply(layerZoo(), { minimum: 1 });
    const taken = [...model.execution].map(([id, execution]) => [id, execution, model.weights.get(id)?.layout.kind]);
    expect(taken.sort()).toEqual(
      ['matmul', 'gemm', 'batched', 'lstm.w', 'lstm.r', 'if/inner'].sort().map((id) => [id, 'dynamic', 'affine']),
    );
    expect(notes).toContainEqual(['conv', 'is convolved: no integer convolution runs everywhere']);
    expect(notes).toContainEqual(['embedding', 'is looked up: nothing to multiply']);
    expect(notes).toContainEqual(['tied', 'is looked up: nothing to multiply']);
    expect((await apply(model, {})).notes).toContainEqual(['matmul', 'is compressed already']);
  });

  it.each([
    ['reduced', 64],
    ['full', 128],
  ])('keeps weights within its range, half a step away at most: %s', async (range, reach) => {
    const tensor = await weightOf({ range, scale: 'f32' });
    const { codes, scales } = tensor;
    const steps = Array.from(codes, (code) => Math.abs(code - 128));
    expect(Math.max(...steps)).toBeLessThanOrEqual(reach);
    expect(Math.max(...steps)).toBeGreaterThan(reach / 2);
    const before = toMatrix(decode(await product().weights.get('w')!.load()), [60, 30], [1]);
    before.forEach((value, i) => {
      const scale = scales[Math.floor(i / 60)]!;
      // one end of a grid of 7 bits is a step short
      const most = range === 'reduced' ? 1 : 0.5;
      expect(Math.abs(value - (codes[i]! - 128) * scale)).toBeLessThanOrEqual(most * Math.abs(scale) * (1 + 1e-5));
    });
  });

  it('with a reduced range no pair of products overflows 16 bits', async () => {
    for (const fit of ['absmax', 'mse']) {
      const { codes } = await weightOf({ range: 'reduced', fit });
      for (let i = 0; i + 1 < codes.length; i += 2) {
        const [a, b] = [codes[i]! - 128, codes[i + 1]! - 128];
        expect(255 * Math.max(0, a) + 255 * Math.max(0, b)).toBeLessThanOrEqual(32767);
        expect(255 * Math.min(0, a) + 255 * Math.min(0, b)).toBeGreaterThanOrEqual(-32768);
      }
    }
  });

  it('what it wrote is seen to be quantized', async () => {
    const { model } = await apply(product(), {});
    const opened = await onnx.open(openMemory({ 'model.onnx': await written(model) }), 'model.onnx');
    expect(alreadyQuantized(opened)).toHaveLength(1);
    const { model: lifted } = await onnx.lift(opened);
    expect(alreadyQuantized(lifted)).toEqual(['w (int8 per row, f32 scales)']);
  });
});
