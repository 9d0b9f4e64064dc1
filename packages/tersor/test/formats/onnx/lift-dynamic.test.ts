import { describe, expect, it } from 'vitest';
import { decode } from '../../../src/core/decode.ts';
import type { DType } from '../../../src/core/dtype.ts';
import { findLayers } from '../../../src/core/find-layers.ts';
import { makeNode, type Node } from '../../../src/core/graph.ts';
import type { Model, Weight } from '../../../src/core/model.ts';
import { randomFor } from '../../../src/core/random.ts';
import { onnx } from '../../../src/formats/onnx/onnx.ts';
import { openMemory } from '../../../src/io/memory-store.ts';
import { product, roundActivations } from '../../support/dynamic-reference.ts';
import { handMade, tensorInfo } from '../../support/hand-made-model.ts';
import { floats, layerZoo } from '../../support/layer-zoo.ts';
import { dynamic, quantized } from '../../support/quantized.ts';
import { inlineKernels, runOn, written } from '../../support/runtimes.ts';

async function reopened(model: Model): Promise<Model> {
  const store = openMemory();
  await onnx.write(model, store, 'model.onnx', { target: 'node', kernels: await inlineKernels });
  await store.commit();
  return onnx.open(store, 'model.onnx');
}

const [INPUTS, OUTPUTS] = [24, 10];

function constant(id: string, shape: readonly number[], dtype: DType, bytes: ArrayBuffer): Weight {
  const layout = { kind: 'dense', dtype } as const;
  return { id, shape, dtype, layout, load: async () => ({ ...layout, shape, bytes: new Uint8Array(bytes) }) };
}

interface Stored {
  readonly dtype: 'i8' | 'u8';
  readonly perOutput: boolean;
  readonly zeros: 'none' | 'zero' | 'some';
}

/**
 * A product with its constants: codes `w_quantized`, scales `s` and zero points `z`, as onnxruntime's quantizer calls them, and a bias `b`.
 * Signed codes have 7 bits: processors without VNNI cut sums of two larger products, and what is lifted would rightly differ from what they compute.
 */
function modelOf(nodes: readonly Node[], { dtype, perOutput, zeros }: Stored): Model {
  const random = randomFor(4, 'codes');
  const count = perOutput ? OUTPUTS : 1;
  const shape = perOutput ? [OUTPUTS] : [];
  return handMade({
    nodes,
    weights: {
      w_quantized: constant(
        'w_quantized',
        [INPUTS, OUTPUTS],
        dtype,
        Uint8Array.from({ length: INPUTS * OUTPUTS }, () => (dtype === 'i8' ? random() * 128 - 64 : random() * 256)).buffer,
      ),
      s: constant('s', shape, 'f32', Float32Array.from({ length: count }, () => 0.01 + random() / 50).buffer),
      ...(zeros !== 'none' && {
        z: constant('z', shape, dtype, Uint8Array.from({ length: count }, () => (zeros === 'some' ? 7 + random() * 40 : 0)).buffer),
      }),
      b: [OUTPUTS],
    },
    inputs: [tensorInfo('x', 'f32', [3, INPUTS])],
    outputs: [tensorInfo('y', 'f32', [3, OUTPUTS])],
  });
}

const MICROSOFT = 'com.microsoft';
const quantize = makeNode('DynamicQuantizeLinear', ['x'], ['q', 'q.s', 'q.z']);
const spelled = (zero: string) => [
  quantize,
  makeNode('MatMulInteger', ['q', 'w_quantized', 'q.z', ...(zero ? [zero] : [])], ['i']),
  makeNode('Cast', ['i'], ['f'], { to: 1 }),
  makeNode('Mul', ['q.s', 's'], ['k']),
  makeNode('Mul', ['f', 'k'], ['p']),
  makeNode('Add', ['p', 'b'], ['y']),
];
const FORMS: Readonly<Record<string, (zero: string) => Node[]>> = {
  'spelled out': spelled,
  DynamicQuantizeMatMul: (zero) => [makeNode('DynamicQuantizeMatMul', ['x', 'w_quantized', 's', zero, 'b'], ['y'], {}, MICROSOFT)],
  MatMulIntegerToFloat: (zero) => [
    quantize,
    makeNode('MatMulIntegerToFloat', ['q', 'w_quantized', 'q.s', 's', 'q.z', zero, 'b'], ['y'], {}, MICROSOFT),
  ],
};

describe('a model with integer products', () => {
  it('has the weights that were planned', async () => {
    const planned = await dynamic(await reopened(layerZoo()));
    const { model } = await onnx.lift(await reopened(planned));
    expect([...model.weights.keys()].sort()).toEqual([...planned.weights.keys()].sort());
    const layers = new Map((await findLayers(model)).map((layer) => [layer.weight.id, layer.uses.length]));
    for (const layer of await findLayers(planned)) expect(layers.get(layer.weight.id), layer.weight.id).toBe(layer.uses.length);
    for (const weight of planned.weights.values()) {
      const lifted = model.weights.get(weight.id)!;
      expect(lifted.shape, weight.id).toEqual(weight.shape);
      expect(lifted.layout.kind, weight.id).toBe(weight.layout.kind);
      expect(decode(await lifted.load()), weight.id).toEqual(decode(await weight.load()));
    }
    const left = model.graph!.nodes.map(({ op }) => op);
    for (const op of ['DynamicQuantizeLinear', 'MatMulInteger', 'Mul', 'Cast']) expect(left).not.toContain(op);
  });

  it.each(
    Object.keys(FORMS).flatMap((form) =>
      (['i8', 'u8'] as const).flatMap((dtype) =>
        [true, false].flatMap((perOutput) => (['none', 'zero', 'some'] as const).map((zeros) => ({ form, dtype, perOutput, zeros }))),
      ),
    ),
  )('gives back $form: $dtype, scale per output $perOutput, zero points $zeros', async ({ form, ...stored }) => {
    const original = modelOf(FORMS[form]!(stored.zeros === 'none' ? '' : 'z'), stored);
    const { model } = await onnx.lift(original);
    expect([...model.weights.keys()].sort()).toEqual(['b', 'w']);
    expect(model.graph?.nodes.map(({ op }) => op)).toEqual(['MatMul', 'Add']);
    expect((await findLayers(model)).map(({ weight }) => weight.id)).toEqual(['w']);
    const weight = model.weights.get('w')!;
    expect(weight).toMatchObject({
      shape: [INPUTS, OUTPUTS],
      layout: { kind: 'affine', outputs: stored.perOutput ? [1] : [], block: 'row' },
    });
    const x = floats('x', [3, INPUTS]);
    const wanted = product(roundActivations(x.data as Float32Array), decode(await weight.load()), INPUTS, OUTPUTS);
    const bias = decode(await model.weights.get('b')!.load());
    const { y } = await runOn('node', await written(original), { x });
    wanted.forEach((value, i) => {
      expect(Math.abs(value + bias[i % OUTPUTS]! - y![i]!)).toBeLessThan(2e-5);
    });
  });

  it('is left alone where scales and zero points are of other activations, or change', async () => {
    const stored: Stored = { dtype: 'i8', perOutput: true, zeros: 'none' };
    const other = makeNode('DynamicQuantizeLinear', ['b'], ['o', 'o.s', 'o.z']);
    const crossed = spelled('').map((node) =>
      node.op === 'Mul' ? { ...node, inputs: node.inputs.map((n) => (n === 'q.s' ? 'o.s' : n)) } : node,
    );
    const shifted = spelled('').map((node) => (node.op === 'MatMulInteger' ? { ...node, inputs: ['q', 'w_quantized', 'o.z'] } : node));
    for (const nodes of [crossed, shifted]) {
      const { model } = await onnx.lift(modelOf([other, ...nodes], stored));
      expect(model.graph?.nodes).toHaveLength(7);
      expect(model.weights.has('w_quantized')).toBe(true);
    }
  });

  it('keeps what somebody else reads', async () => {
    const nodes = [...spelled(''), makeNode('Abs', ['i'], ['sums'])];
    const { model } = await onnx.lift(modelOf(nodes, { dtype: 'i8', perOutput: true, zeros: 'none' }));
    expect(model.graph?.nodes.map(({ op }) => op)).toEqual(['DynamicQuantizeLinear', 'MatMulInteger', 'MatMul', 'Add', 'Abs']);
    expect([...model.weights.keys()].sort()).toEqual(['b', 'w', 'w_quantized']);
  });

  it('gives weights that load, or is left alone, however it is wired', async () => {
    const random = randomFor(6, 'wiring');
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
    const seed = await reopened(await quantized(await dynamic(layerZoo()), { bits: 8 }));
    const graph = seed.graph!;
    const names = [...graph.initializers.keys(), ...graph.nodes.flatMap(({ outputs }) => outputs)];
    for (let i = 0; i < 150; i++) {
      const nodes = [...graph.nodes];
      for (let j = 0; j < 4; j++) {
        const at = Math.floor(random() * nodes.length);
        const node = nodes[at]!;
        const input = Math.floor(random() * node.inputs.length);
        nodes[at] = { ...node, inputs: node.inputs.map((name, k) => (k === input ? pick(names) : name)) };
      }
      const { model, owners } = await onnx.lift({ ...seed, graph: { ...graph, nodes } });
      for (const [part, owner] of owners) expect([seed.weights.has(part), model.weights.has(owner)]).toEqual([true, true]);
      for (const weight of model.weights.values()) expect(decode(await weight.load()).some(Number.isNaN)).toBe(false);
    }
  });
});
