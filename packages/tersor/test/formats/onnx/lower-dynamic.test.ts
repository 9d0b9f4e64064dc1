import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode } from '../../../src/core/decode.ts';
import { eachGraph, makeNode, type Node } from '../../../src/core/graph.ts';
import { permute } from '../../../src/core/matrix.ts';
import { type Model, mapWeights } from '../../../src/core/model.ts';
import { lower } from '../../../src/formats/onnx/lower.ts';
import { onnx } from '../../../src/formats/onnx/onnx.ts';
import { product, roundActivations } from '../../support/dynamic-reference.ts';
import { handMade, tensorInfo } from '../../support/hand-made-model.ts';
import { floats, layerZoo, zooFeeds } from '../../support/layer-zoo.ts';
import { dynamic } from '../../support/quantized.ts';
import { type Runtime, runOn, written } from '../../support/runtimes.ts';

interface Product {
  /** All axes of the activations but the last. */
  readonly batch: readonly number[];
  readonly inputs: number;
  readonly outputs: number;
  readonly form: 'MatMul' | 'Transpose' | 'Gemm' | 'Gemm transB' | 'Gemm bias' | 'Gemm transB bias';
}

function modelOf({ inputs, outputs, form }: Product): Model {
  const isTurned = form.includes('ans');
  const shape = isTurned ? [outputs, inputs] : [inputs, outputs];
  const operands = ['x', form === 'Transpose' ? 't' : 'w', ...(form.includes('bias') ? ['b'] : [])];
  const nodes =
    form === 'MatMul' || form === 'Transpose'
      ? [...(isTurned ? [makeNode('Transpose', ['w'], ['t'], { perm: [1, 0] })] : []), makeNode('MatMul', operands, ['y'])]
      : [makeNode('Gemm', operands, ['y'], { transB: isTurned ? 1 : 0 })];
  return handMade({
    nodes,
    weights: { w: shape, ...(form.includes('bias') && { b: [outputs] }) },
    inputs: [tensorInfo('x', 'f32')],
    outputs: [tensorInfo('y', 'f32')],
  });
}

/** The same arithmetic in double precision: rounded activations times decoded weights. */
async function expected(model: Model, { inputs, outputs, form }: Product, x: Float32Array): Promise<Float64Array> {
  const stored = decode(await model.weights.get('w')!.load());
  const weight = form.includes('ans') ? permute(stored, [outputs, inputs], [1, 0]) : stored;
  const bias = form.includes('bias') ? decode(await model.weights.get('b')!.load()) : undefined;
  return product(roundActivations(x), weight, inputs, outputs).map((value, i) => value + (bias ? bias[i % outputs]! : 0));
}

const operators = async (model: Model): Promise<string[]> =>
  [...eachGraph((await lower(model, 'node')).model.graph!)].flatMap(({ graph }) => graph.nodes.map(({ op }) => op));

async function check(runtime: Runtime, spec: Product, options: Readonly<Record<string, unknown>>): Promise<void> {
  const model = await dynamic(modelOf(spec), options);
  const target = runtime === 'node' ? 'node' : 'wasm';
  const bytes = await written(model, target);
  expect(await operators(model)).toContain('MatMulInteger');
  expect(bytes.length).toBe((await onnx.size(model, target)).bytes);
  const feed = floats('x', [...spec.batch, spec.inputs]);
  const { y } = await runOn(runtime, bytes, { x: feed });
  const wanted = await expected(model, spec, feed.data as Float32Array);
  const peak = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  expect(y?.length).toBe(wanted.length);
  wanted.forEach((value, i) => {
    expect(Math.abs(value - y![i]!)).toBeLessThanOrEqual(2e-6 * peak);
  });
}

const count = (all: readonly string[], op: string) => all.filter((each) => each === op).length;

describe('integer products', () => {
  const forms = ['MatMul', 'Transpose', 'Gemm', 'Gemm transB', 'Gemm bias', 'Gemm transB bias'] as const;

  it('give rounded activations times decoded weights, in the size that was planned', async () => {
    const spec = fc.record({
      batch: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
      inputs: fc.integer({ min: 70, max: 140 }),
      outputs: fc.integer({ min: 1, max: 40 }),
    });
    const settings = fc.record({ fit: fc.constantFrom('absmax', 'mse'), scale: fc.constantFrom('f16', 'f32') });
    await fc.assert(
      fc.asyncProperty(spec, settings, fc.constantFrom(...forms), (sizes, options, form) =>
        check('node', { ...sizes, batch: form.startsWith('Gemm') ? sizes.batch.slice(0, 1) : sizes.batch, form }, options),
      ),
      { numRuns: 60 },
    );
  });

  it.each(forms)('run on WebAssembly with the same result: %s', async (form) => {
    await check('web', { batch: form.startsWith('Gemm') ? [5] : [2, 3], inputs: 48, outputs: 33, form }, { range: 'full' });
    await check('web', { batch: [1], inputs: 64, outputs: 32, form }, {});
  });

  // 8 bits may overflow on x86 processors without VNNI, which is why 7 are the default
  it.each([
    ['node', 128 + 63],
    ['web', 255],
  ] as const)('hold on %s where every product is as large as can be: code %i', async (runtime, code) => {
    const inputs = 512;
    const model = await dynamic(modelOf({ batch: [1], inputs, outputs: 16, form: 'MatMul' }));
    const weight = await model.weights.get('w')!.load();
    if (weight.kind !== 'affine') throw new Error(`came as ${weight.kind}`);
    const largest = { ...weight, codes: new Uint8Array(inputs * 16).fill(code) };
    const full = mapWeights(model, (each) => (each.id === 'w' ? { ...each, load: async () => largest } : undefined));
    const x = { type: 'float32' as const, shape: [1, inputs], data: new Float32Array(inputs).fill(1) };
    const { y } = await runOn(runtime, await written(full), { x });
    product(x.data, decode(largest), inputs, 16).forEach((value, i) => {
      expect(Math.abs(y![i]! / value - 1)).toBeLessThan(1e-5);
    });
  });

  it('that read one activation share its codes, in each graph', async () => {
    const nodes = ['q', 'k', 'v'].map((name) => makeNode('MatMul', ['x', name], [`${name}.y`]));
    const weights = { q: [32, 32], k: [32, 32], v: [32, 32], o: [32, 32] };
    const model = handMade({ nodes: [...nodes, makeNode('MatMul', ['q.y', 'o'], ['y'])], weights });
    const found = await operators(await dynamic(model));
    expect(count(found, 'DynamicQuantizeLinear')).toBe(2);
    expect(count(found, 'MatMulInteger')).toBe(4);
  });

  it('take no rows', async () => {
    await check('node', { batch: [0], inputs: 80, outputs: 4, form: 'MatMul' }, {});
  });

  const one = (node: Node, opset = 13) =>
    handMade({
      nodes: [node],
      weights: { w: [32, 32] },
      inputs: [tensorInfo('x', 'f32', [32, 32])],
      outputs: [tensorInfo('y', 'f32')],
      opset,
    });

  it.each([
    ['a Gemm that scales', one(makeNode('Gemm', ['x', 'w'], ['y'], { alpha: { float: 2 } }))],
    ['a Gemm of transposed activations', one(makeNode('Gemm', ['x', 'w'], ['y'], { transA: 1 }))],
    ['the first operand', one(makeNode('MatMul', ['w', 'x'], ['y']))],
    ['operator set 10', one(makeNode('MatMul', ['x', 'w'], ['y']), 10)],
  ])('are not made of %s: the weight is expanded', async (_, model) => {
    expect(await operators(await dynamic(model))).toEqual(['Cast', 'Mul', expect.stringMatching('Gemm|MatMul')]);
  });
});

describe('a model of every kind of layer', () => {
  it('is close to the original on both runtimes, in either branch', async () => {
    const model = await dynamic(layerZoo());
    const bytes = await written(model);
    expect(count(await operators(model), 'MatMulInteger')).toBe(4);
    for (const which of [true, false]) {
      const before = await runOn('node', await written(layerZoo()), zooFeeds(which));
      for (const runtime of ['node', 'web'] as const) {
        const after = await runOn(runtime, bytes, zooFeeds(which));
        for (const [name, values] of Object.entries(before)) {
          const size = Array.from(values).reduce((sum, value) => sum + value * value, 0);
          const moved = Array.from(values).reduce((sum, value, i) => sum + (value - after[name]![i]!) ** 2, 0);
          expect(Math.sqrt(moved / size), `${name} on ${runtime}`).toBeLessThan(0.03);
        }
      }
    }
  });
});
