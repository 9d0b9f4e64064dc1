import { describe, expect, it } from 'vitest';
import { alreadyQuantized } from '../../src/core/already-quantized.ts';
import { elementsOf } from '../../src/core/dtype.ts';
import { findLayers } from '../../src/core/find-layers.ts';
import { makeNode, type Node } from '../../src/core/graph.ts';
import type { Weight } from '../../src/core/model.ts';
import { graphOf, handMade, randomWeight } from '../support/hand-made-model.ts';

const byteWeight = (id: string, shape: number[]): Weight => ({
  id,
  shape,
  dtype: 'u8',
  layout: { kind: 'dense', dtype: 'u8' },
  load: () => Promise.reject(new Error('is not to be read')),
});

async function layersOf(nodes: Node[], weights: Parameters<typeof handMade>[0]['weights']) {
  const layers = await findLayers(handMade({ nodes, weights }));
  return layers.map(({ weight, kind, outputAxes, outputs, inputs, uses }) => ({
    id: weight.id,
    kind,
    outputAxes,
    outputs,
    inputs,
    uses: uses.length,
  }));
}

describe('findLayers', () => {
  it.each([
    ['MatMul', makeNode('MatMul', ['x', 'w'], ['y']), [6, 4], 'linear', [1]],
    ['MatMul, weight first', makeNode('MatMul', ['w', 'x'], ['y']), [6, 4], 'linear', [0]],
    ['MatMul in batches', makeNode('MatMul', ['x', 'w'], ['y']), [3, 6, 4], 'linear', [0, 2]],
    ['Gemm', makeNode('Gemm', ['x', 'w'], ['y']), [6, 4], 'linear', [1]],
    ['Gemm, transB', makeNode('Gemm', ['x', 'w'], ['y'], { transB: 1 }), [4, 6], 'linear', [0]],
    ['Gemm, weight first, transA', makeNode('Gemm', ['w', 'x'], ['y'], { transA: 1 }), [6, 4], 'linear', [1]],
    ['FusedMatMul', makeNode('FusedMatMul', ['x', 'w'], ['y'], { transB: 1 }, 'com.microsoft'), [4, 6], 'linear', [0]],
    ['Einsum', makeNode('Einsum', ['x', 'w'], ['y'], { equation: 'btgi, gio -> btgo' }), [2, 6, 4], 'linear', [0, 2]],
    ['Einsum without arrow', makeNode('Einsum', ['x', 'w'], ['y'], { equation: 'bi,oi' }), [4, 6], 'linear', [0]],
    ['Conv', makeNode('Conv', ['x', 'w'], ['y']), [4, 3, 2, 2], 'conv', [0]],
    ['Conv, depthwise 1-D', makeNode('Conv', ['x', 'w'], ['y'], { group: 4 }), [4, 1, 3], 'conv', [0]],
    ['FusedConv', makeNode('FusedConv', ['x', 'w'], ['y'], {}, 'com.microsoft'), [4, 3, 2, 2, 2], 'conv', [0]],
    ['ConvTranspose', makeNode('ConvTranspose', ['x', 'w'], ['y']), [3, 4, 2, 2], 'conv', [1]],
    ['ConvTranspose, depthwise', makeNode('ConvTranspose', ['x', 'w'], ['y'], { group: 3 }), [3, 1, 2, 2], 'conv', [0, 1]],
    ['Gather', makeNode('Gather', ['w', 'x'], ['y']), [9, 4], 'embedding', [0]],
    ['LSTM', makeNode('LSTM', ['x', 'w', 'r'], ['y']), [1, 8, 3], 'recurrent', [0, 1]],
    ['GRU, recurrence', makeNode('GRU', ['x', 'v', 'w'], ['y']), [2, 6, 2], 'recurrent', [0, 1]],
  ] as const)('%s', async (_, node, shape, kind, outputAxes) => {
    const [layer, ...others] = await layersOf([node], { w: [...shape] });
    expect(others).toEqual([]);
    expect(layer).toMatchObject({ kind, outputAxes: [...outputAxes], uses: 1 });
    expect((layer?.outputs ?? 0) * (layer?.inputs ?? 0)).toBe(elementsOf(shape));
  });

  it.each([
    ['a vector', makeNode('MatMul', ['x', 'w'], ['y']), [6]],
    ['the other operand of an addition', makeNode('Add', ['x', 'w'], ['y']), [6, 4]],
    ['Gather along another axis', makeNode('Gather', ['w', 'x'], ['y'], { axis: 1 }), [6, 4]],
    ['GatherElements', makeNode('GatherElements', ['w', 'x'], ['y']), [6, 4]],
    ['an operator of another domain', makeNode('Conv', ['x', 'w'], ['y'], {}, 'somebody'), [6, 4, 1]],
    ['Einsum with an ellipsis', makeNode('Einsum', ['x', 'w'], ['y'], { equation: '...i,io->...o' }), [6, 4]],
    ['Einsum with a repeated label', makeNode('Einsum', ['x', 'w'], ['y'], { equation: 'bi,ii->b' }), [4, 4]],
    ['an empty weight', makeNode('MatMul', ['x', 'w'], ['y']), [0, 4]],
  ])('not %s', async (_, node, shape) => {
    expect(await layersOf([node], { w: shape })).toEqual([]);
  });

  it('follows Identity, Transpose, Reshape, Squeeze, Unsqueeze, Flatten and Cast', async () => {
    const nodes = [
      makeNode('Identity', ['w'], ['a']),
      makeNode('Transpose', ['a'], ['b'], { perm: [1, 0] }),
      makeNode('Reshape', ['b', 'shape'], ['c']),
      makeNode('Squeeze', ['c', 'axes'], ['d']),
      makeNode('Unsqueeze', ['d', 'axes'], ['e']),
      makeNode('Flatten', ['e'], ['f'], { axis: 2 }),
      makeNode('Cast', ['f'], ['g'], { to: 1 }),
      makeNode('MatMul', ['x', 'g'], ['y']),
    ];
    // w [5, 6] -> [6, 5] -> [1, 2, 3, 5] -> [2, 3, 5] -> [1, 2, 3, 5] -> [2, 15]: every axis is an output in part, so the first stands for them.
    const [layer] = await layersOf(nodes, { w: randomWeight('w', [5, 6], 'f16'), shape: [1n, 2n, 3n, -1n], axes: [0n] });
    expect(layer).toMatchObject({ id: 'w', kind: 'linear', outputAxes: [0], outputs: 5 });
  });

  it('knows the axes behind a Reshape that merges or splits', async () => {
    const merged = [makeNode('Reshape', ['w', 'shape'], ['m']), makeNode('MatMul', ['x', 'm'], ['y'])];
    expect(await layersOf(merged, { w: [4, 2, 3], shape: [8n, 3n] })).toMatchObject([{ outputAxes: [2], inputs: 8 }]);
    expect(await layersOf(merged, { w: [4, 2, 3], shape: [0n, -1n] })).toMatchObject([{ outputAxes: [1, 2], inputs: 4 }]);
    const split = [makeNode('Reshape', ['w', 'shape'], ['m']), makeNode('Conv', ['x', 'm'], ['y'])];
    expect(await layersOf(split, { w: [4, 6], shape: [4n, 2n, 3n] })).toMatchObject([{ outputAxes: [0], inputs: 6 }]);
    expect(await layersOf(split, { w: [4, 6], shape: [4n, 5n] })).toEqual([]);
  });

  it('finds recurrent weights whose gates are put in another order', async () => {
    const nodes = [
      makeNode('Slice', ['w', 's', 't'], ['a']),
      makeNode('Slice', ['w', 't', 'u'], ['b']),
      makeNode('Concat', ['b', 'a'], ['c'], { axis: 0 }),
      makeNode('Unsqueeze', ['c', 's'], ['d']),
      makeNode('LSTM', ['x', 'd', 'r'], ['y']),
    ];
    const [layer, ...others] = await layersOf(nodes, { w: [8, 3], s: [0n], t: [4n], u: [8n] });
    expect(others).toEqual([]);
    expect(layer).toMatchObject({ kind: 'recurrent', outputAxes: [0], outputs: 8, inputs: 3, uses: 1 });
  });

  it('a tied weight is one layer with two uses', async () => {
    const nodes = [
      makeNode('Gather', ['w', 'ids'], ['e']),
      makeNode('Transpose', ['w'], ['t']),
      makeNode('MatMul', ['e', 't'], ['logits']),
    ];
    const [layer, ...others] = await findLayers(handMade({ nodes, weights: { w: [9, 4] } }));
    expect(others).toEqual([]);
    expect(layer).toMatchObject({ kind: 'embedding', outputAxes: [0] });
    expect(layer?.uses).toMatchObject([
      { kind: 'embedding', direct: true, axes: [0, 1], outputAxes: [0] },
      { kind: 'linear', direct: false, axes: [1, 0], outputAxes: [0] },
    ]);
  });

  it('looks into branches, and from branches out', async () => {
    const body = graphOf({
      nodes: [makeNode('MatMul', ['x', 'w'], ['a']), makeNode('MatMul', ['a', 'own'], ['b'])],
      initializers: ['if/own'],
    });
    const branch: Node = { ...makeNode('If', ['c'], ['y']), graphs: new Map([['then_branch', body]]) };
    const model = handMade({ nodes: [branch], weights: { w: [4, 4], 'if/own': [4, 2] } });
    expect((await findLayers(model)).map(({ weight }) => weight.id)).toEqual(['w', 'if/own']);
  });

  it('a name of an inner graph hides the outer weight', async () => {
    const body = graphOf({ nodes: [makeNode('Relu', ['x'], ['w']), makeNode('MatMul', ['x', 'w'], ['b'])] });
    const branch: Node = { ...makeNode('Loop', ['c'], ['y']), graphs: new Map([['body', body]]) };
    expect(await findLayers(handMade({ nodes: [branch], weights: { w: [4, 4] } }))).toEqual([]);
  });

  it('stays quick on a value put together from itself again and again', async () => {
    const nodes = Array.from({ length: 200 }, (_, i) =>
      makeNode('Concat', [i === 0 ? 'w' : `v${i}`, i === 0 ? 'w' : `v${i}`], [`v${i + 1}`], { axis: 0 }),
    );
    const layers = await layersOf([...nodes, makeNode('MatMul', ['x', 'v200'], ['y'])], { w: [4, 4] });
    expect(layers).toMatchObject([{ id: 'w', uses: 1 }]);
  });
});

describe('alreadyQuantized', () => {
  it('names the nodes that compute with codes, and no layer is found there', async () => {
    const model = handMade({
      nodes: [
        { ...makeNode('DequantizeLinear', ['q', 's'], ['w']), name: 'dq' },
        makeNode('MatMul', ['x', 'w'], ['y']),
        { ...makeNode('MatMulNBits', ['x', 'q', 's'], ['z'], {}, 'com.microsoft'), name: 'nbits' },
        makeNode('Cast', ['q'], ['f'], { to: 1 }),
        makeNode('Cast', ['q'], ['mask'], { to: 9 }),
        makeNode('QLinearConv', ['x', 's', 's', 'activations'], ['u']),
      ],
      weights: { q: byteWeight('q', [4, 4]), s: [4] },
    });
    expect(alreadyQuantized(model)).toEqual(['DequantizeLinear dq', 'MatMulNBits nbits', 'Cast f']);
    expect(await findLayers(model)).toEqual([]);
  });
});
