import { describe, expect, it } from 'vitest';
import { decode } from '../../../src/core/decode.ts';
import { elementsOf } from '../../../src/core/dtype.ts';
import { findLayers } from '../../../src/core/find-layers.ts';
import { makeNode, type Node } from '../../../src/core/graph.ts';
import type { AffineLayout, Layout } from '../../../src/core/layout.ts';
import { type Model, mapWeights, type Weight } from '../../../src/core/model.ts';
import { randomFor } from '../../../src/core/random.ts';
import { expand } from '../../../src/formats/onnx/lower/expand.ts';
import { onnx } from '../../../src/formats/onnx/onnx.ts';
import { openMemory } from '../../../src/io/memory-store.ts';
import { graphOf, handMade, randomWeight, tensorInfo } from '../../support/hand-made-model.ts';
import { layerZoo } from '../../support/layer-zoo.ts';
import { quantized } from '../../support/quantized.ts';
import { inlineKernels, runOn, written } from '../../support/runtimes.ts';

/** What is read again of the file that `model` is written as. */
async function reopened(model: Model): Promise<Model> {
  const store = openMemory();
  await onnx.write(model, store, 'model.onnx', { target: 'node', kernels: await inlineKernels });
  await store.commit();
  return onnx.open(store, 'model.onnx');
}

const liftedFrom = async (model: Model) => onnx.lift(await reopened(model));

/** The layout that a file tells of: few scales are stored as f32, few codes and zero points one a byte, and axes of length 1 do not matter. */
function asStored(weight: Weight, execution: 'expand' | 'weight-only'): Layout {
  const { layout, shape } = weight;
  if (layout.kind !== 'affine') return layout;
  const outputs = layout.outputs.filter((axis) => shape[axis] !== 1);
  const parts = expand({ ...weight, layout }).parts;
  const typeOf = (suffix: string) => parts.find((part) => part.suffix === suffix);
  const scale = { kind: 'dense', dtype: typeOf('s')?.dtype ?? 'f32' } as const;
  const isPacked = (suffix: string) =>
    execution === 'weight-only' || Object.entries(typeOf(suffix) ?? {}).some(([key, value]) => key === 'packed' && value);
  const numeric = isPacked('q') ? layout.numeric : { id: 'int8', bits: 8, lo: -128, hi: 127 };
  const zero = layout.zero && ({ kind: 'dense', dtype: isPacked('z') ? layout.zero.dtype : 'u8' } as const);
  return { ...layout, numeric, outputs, scale, ...(zero && { zero }) };
}

function withoutSingles({ layout, shape }: Weight): Layout {
  return layout.kind === 'affine' ? { ...layout, outputs: layout.outputs.filter((axis) => shape[axis] !== 1) } : layout;
}

const bitsOf = (values: Float32Array) => Buffer.from(values.buffer, values.byteOffset, values.byteLength);

const CASES = [2, 4, 8].flatMap((bits) =>
  ['row', 16, 32].flatMap((block) =>
    [true, false].flatMap((symmetric) => (['expand', 'weight-only'] as const).map((execution) => ({ bits, block, symmetric, execution }))),
  ),
);

describe('a lifted model', () => {
  it.each(CASES)('has the weights that were planned: $bits bits, block $block, symmetric $symmetric, $execution', async (options) => {
    const planned = await quantized(await reopened(layerZoo()), options);
    const { model } = await liftedFrom(planned);
    const was = new Map((await findLayers(planned)).map((layer) => [layer.weight.id, layer]));
    const layers = new Map((await findLayers(model)).map((layer) => [layer.weight.id, layer]));
    expect([...model.weights.keys()].sort()).toEqual([...planned.weights.keys()].sort());
    for (const weight of planned.weights.values()) {
      const lifted = model.weights.get(weight.id)!;
      expect(lifted.shape, weight.id).toEqual(weight.shape);
      expect(lifted.dtype, weight.id).toBe(weight.dtype);
      const layout = withoutSingles(lifted);
      const isPlain = [asStored(weight, 'expand'), asStored(weight, 'weight-only')].some(
        (one) => JSON.stringify(one) === JSON.stringify(layout),
      );
      if (!isPlain) expect(layout, weight.id).toEqual(asStored(weight, options.execution));
      const [before, after] = [await weight.load(), await lifted.load()];
      expect(bitsOf(decode(after)).equals(bitsOf(decode(before))), weight.id).toBe(true);
      const kinds = (layer: ReturnType<typeof was.get>) => layer?.uses.map(({ kind }) => kind);
      expect(kinds(layers.get(weight.id)), weight.id).toEqual(kinds(was.get(weight.id)));
    }
  });
});

describe('other forms', () => {
  const product = [makeNode('MatMul', ['x', 'w'], ['y'])];
  const inputs = [tensorInfo('x', 'f32', [3, 40]), tensorInfo('which', 'bool', [])];

  it('gives back weights that are stored as halves', async () => {
    const { load } = randomWeight('w', [40, 24], 'f16');
    const plain = handMade({ nodes: product, weights: { w: [40, 24] }, inputs });
    const { model } = await liftedFrom(mapWeights(plain, (weight) => ({ ...weight, layout: { kind: 'dense', dtype: 'f16' }, load })));
    expect([...model.weights.values()]).toMatchObject([{ id: 'w', dtype: 'f32', layout: { kind: 'dense', dtype: 'f16' } }]);
    expect(decode(await model.weights.get('w')!.load())).toEqual(decode(await load()));
  });

  it.each([
    ['one scale', [6, 8], [], {}, [], 'row'],
    ['a scale per row', [6, 8], [6], { axis: 0 }, [0], 'row'],
    ['a scale per column', [6, 8], [8], { axis: -1 }, [1], 'row'],
    ['blocks along an axis', [6, 8], [6, 2], { axis: 1, block_size: 4 }, [0], 4],
    ['short last blocks in the middle', [2, 7, 3], [2, 3, 3], { axis: 1, block_size: 3 }, [0, 2], 3],
  ] as const)('gives back DequantizeLinear with %s', async (_, shape, scaleShape, attributes, outputs, block) => {
    for (const [dtype, zeros] of [
      ['i8', 'none'],
      ['u8', 'some'],
      ['i8', 'some'],
      ['i8', 'all zero'],
    ] as const) {
      const stored = dequantizeLinear(shape, scaleShape, attributes, dtype, zeros);
      const expected = await runOn('node', await written(stored), {});
      const { model } = await liftedFrom(stored);
      const [weight, ...others] = [...model.weights.values()];
      expect(others).toEqual([]);
      const layout = weight?.layout as AffineLayout;
      expect(weight).toMatchObject({ id: 'w', shape, dtype: 'f32' });
      expect(layout).toMatchObject({ kind: 'affine', outputs, block, numeric: { bits: 8 } });
      expect(layout.zero !== undefined, `${dtype} ${zeros}`).toBe(zeros === 'some');
      expect(Array.from(decode(await weight!.load())), `${dtype} ${zeros}`).toEqual(Array.from(expected.y!));
    }
  });

  it('gives back one weight where two names and a branch share it', async () => {
    const inner = { ...makeNode('If', ['which'], ['z']), graphs: new Map() };
    const branch = (name: string) => graphOf({ nodes: [makeNode('MatMul', ['x', 'w'], [name])], outputs: [tensorInfo(name, 'f32')] });
    inner.graphs.set('then_branch', branch('then')).set('else_branch', branch('else'));
    const tied = handMade({ nodes: [...product, makeNode('MatMul', ['x', 'v'], ['v.y']), inner], weights: { w: [40, 64] }, inputs });
    const graph = {
      ...tied.graph!,
      initializers: new Map([
        ['w', 'w'],
        ['v', 'w'],
      ]),
    };
    for (const execution of ['expand', 'weight-only']) {
      const { model, owners } = await liftedFrom(await quantized({ ...tied, graph }, { bits: 4, block: 32, execution }));
      expect([...model.weights.keys()]).toEqual(['w']);
      expect((await findLayers(model)).map(({ uses }) => uses.length)).toEqual([4]);
      expect(new Set(owners.values())).toEqual(new Set(['w']));
    }
  });

  it('leaves alone what it cannot carry, and what is used in another way, too', async () => {
    const half = { axis: 1, block_size: 4 };
    const asked = dequantizeLinear([6, 8], [6, 3], half, 'i8', 'none');
    const alone = await onnx.lift(asked);
    expect([...alone.model.weights.keys()]).toEqual([...asked.weights.keys()]);
    const read = dequantizeLinear([6, 8], [6], { axis: 0 }, 'i8', 'none');
    const twice = { ...read, graph: { ...read.graph!, nodes: [...read.graph!.nodes, makeNode('Shape', ['w_quantized'], ['s'])] } };
    const { model, owners } = await onnx.lift(twice);
    expect([...model.weights.keys()].sort()).toEqual(['w', 'w_quantized']);
    expect([...owners.keys()]).toEqual(['s']);
  });

  it('does not change what is written', async () => {
    const bytes = await written(await reopened(await quantized(layerZoo(), { bits: 4, block: 16, symmetric: false })));
    const again = openMemory({ 'model.onnx': bytes });
    const opened = await onnx.open(again, 'model.onnx');
    await onnx.lift(opened);
    expect(Buffer.from(await written(opened)).equals(Buffer.from(bytes))).toBe(true);
  });
});

describe('a graph that is wired wrongly', () => {
  it.each([4, 8])('gives weights that load, or is left alone: %i bits', async (bits) => {
    const random = randomFor(3, 'wiring');
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
    const seeds = ['expand', 'weight-only'].flatMap((execution) =>
      [true, false].map(async (symmetric) => reopened(await quantized(layerZoo(), { bits, block: 16, symmetric, execution }))),
    );
    for (const seed of await Promise.all(seeds)) {
      const graph = seed.graph!;
      const names = [...graph.initializers.keys(), ...graph.nodes.flatMap(({ outputs }) => outputs)];
      for (let i = 0; i < 25; i++) {
        const nodes = [...graph.nodes];
        for (let j = 0; j < 3; j++) {
          const at = Math.floor(random() * nodes.length);
          nodes[at] = pick([rewired, renumbered, reoperated])(nodes[at]!, names, nodes, pick);
        }
        const { model, owners } = await onnx.lift({ ...seed, graph: { ...graph, nodes } });
        for (const [part, owner] of owners) expect([seed.weights.has(part), model.weights.has(owner)]).toEqual([true, true]);
        for (const weight of model.weights.values()) {
          const values = decode(await weight.load());
          expect(values.length).toBe(elementsOf(weight.shape));
          expect(values.some(Number.isNaN)).toBe(false);
        }
      }
    }
  });
});

type Pick = <T>(from: readonly T[]) => T;

function rewired(node: Node, names: readonly string[], _: readonly Node[], pick: Pick): Node {
  const at = pick(node.inputs.map((_, i) => i));
  return { ...node, inputs: node.inputs.map((name, i) => (i === at ? pick(names) : name)) };
}

function renumbered(node: Node, _: readonly string[], __: readonly Node[], pick: Pick): Node {
  const value = BigInt(pick([-1, 0, 1, 2, 3, 7, 16, 2 ** 40]));
  return { ...node, attributes: new Map([...node.attributes].map(([name]) => [name, { kind: 'int', value }])) };
}

function reoperated(node: Node, _: readonly string[], nodes: readonly Node[], pick: Pick): Node {
  const { op, domain, attributes } = pick(nodes);
  return { ...node, op, domain, attributes };
}

/** The model of one DequantizeLinear, as onnxruntime's quantizer names its values: y = w. */
function dequantizeLinear(
  shape: readonly number[],
  scaleShape: readonly number[],
  attributes: Readonly<Record<string, number>>,
  dtype: 'i8' | 'u8',
  zeros: 'none' | 'some' | 'all zero',
): Model {
  const inputs = ['w_quantized', 's', ...(zeros === 'none' ? [] : ['z'])];
  const dense = (id: string, of: readonly number[], type: 'i8' | 'u8' | 'f32', bytes: Uint8Array): Weight => {
    const layout = { kind: 'dense', dtype: type } as const;
    return { id, shape: of, dtype: type, layout, load: async () => ({ ...layout, shape: of, bytes }) };
  };
  const scales = Float32Array.from({ length: elementsOf(scaleShape) }, (_, i) => 0.01 * (i + 1));
  const codes = Uint8Array.from({ length: elementsOf(shape) }, (_, i) => (i * 37) % 256);
  const points = Uint8Array.from(scales, (_, i) => (zeros === 'some' ? i * 5 + 1 : 0));
  return handMade({
    nodes: [
      makeNode('DequantizeLinear', inputs, ['w_DequantizeLinear_Output'], attributes),
      makeNode('Identity', ['w_DequantizeLinear_Output'], ['y']),
    ],
    weights: {
      w_quantized: dense('w_quantized', shape, dtype, codes),
      s: dense('s', scaleShape, 'f32', new Uint8Array(scales.buffer)),
      ...(zeros !== 'none' && { z: dense('z', scaleShape, dtype, points) }),
    },
    outputs: [tensorInfo('y', 'f32', shape)],
    opset: 21,
  });
}
