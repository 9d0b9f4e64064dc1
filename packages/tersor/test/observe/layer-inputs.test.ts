import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decode } from '../../src/core/decode.ts';
import { elementsOf, type Shape } from '../../src/core/dtype.ts';
import type { Engine, Feeds, Value } from '../../src/core/engine.ts';
import { findLayers } from '../../src/core/find-layers.ts';
import { makeNode, type Node } from '../../src/core/graph.ts';
import { toMatrix } from '../../src/core/matrix.ts';
import type { Model } from '../../src/core/model.ts';
import { ofInput } from '../../src/core/observation.ts';
import { randomFor } from '../../src/core/random.ts';
import { openEngine } from '../../src/engine/engine-node.ts';
import { handMade, tensorInfo } from '../support/hand-made-model.ts';
import { observeRuns, openerOf } from '../support/observing.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine();
});
afterAll(() => engine.close());

function noise(name: string, shape: Shape): Value {
  const random = randomFor(3, name);
  return { dtype: 'f32', shape, data: Float32Array.from({ length: elementsOf(shape) }, () => random() * 2 - 0.7) };
}

interface Case {
  readonly node: Node;
  readonly weight: Shape;
  readonly input: Shape;
  readonly opset?: number;
  /** Outputs as `[..., rows of the layer's matrix in order, ...]`: the axes of the result that tell the row, leading first. */
  readonly rowAxes: readonly number[];
  readonly between?: Node;
}

const conv = (plain: Parameters<typeof makeNode>[3] = {}, domain = '', op = 'Conv') => makeNode(op, ['x', 'w'], ['y'], plain, domain);

const CASES: Readonly<Record<string, Case>> = {
  MatMul: { node: makeNode('MatMul', ['x', 'w'], ['y']), weight: [5, 4], input: [2, 3, 5], rowAxes: [2] },
  'MatMul, weight first': { node: makeNode('MatMul', ['w', 'x'], ['y']), weight: [4, 5], input: [5, 3], rowAxes: [0] },
  'MatMul, weight first, batched input': { node: makeNode('MatMul', ['w', 'x'], ['y']), weight: [4, 5], input: [2, 3, 5, 6], rowAxes: [2] },
  'MatMul of a batch of weights': { node: makeNode('MatMul', ['x', 'w'], ['y']), weight: [3, 5, 4], input: [2, 3, 6, 5], rowAxes: [1, 3] },
  'MatMul of a batch of weights, one input': {
    node: makeNode('MatMul', ['x', 'w'], ['y']),
    weight: [3, 5, 4],
    input: [6, 5],
    rowAxes: [0, 2],
  },
  'MatMul of weights first, in a batch': {
    node: makeNode('MatMul', ['w', 'x'], ['y']),
    weight: [3, 4, 5],
    input: [3, 5, 6],
    rowAxes: [0, 1],
  },
  'MatMul through Transpose': {
    node: makeNode('MatMul', ['x', 'v'], ['y']),
    between: makeNode('Transpose', ['w'], ['v'], { perm: [1, 0] }),
    weight: [4, 5],
    input: [7, 5],
    rowAxes: [1],
  },
  Gemm: { node: makeNode('Gemm', ['x', 'w'], ['y']), weight: [5, 4], input: [6, 5], rowAxes: [1] },
  'Gemm, both turned': { node: makeNode('Gemm', ['x', 'w'], ['y'], { transA: 1, transB: 1 }), weight: [4, 5], input: [5, 6], rowAxes: [1] },
  'Gemm, weight first': { node: makeNode('Gemm', ['w', 'x'], ['y'], { transB: 1 }), weight: [4, 5], input: [6, 5], rowAxes: [0] },
  FusedMatMul: {
    node: makeNode('FusedMatMul', ['x', 'w'], ['y'], { transA: 1, transB: 1 }, 'com.microsoft'),
    weight: [4, 5],
    input: [2, 5, 6],
    rowAxes: [2],
  },
  'Einsum of groups': {
    node: makeNode('Einsum', ['x', 'w'], ['y'], { equation: 'btgi,gih->btgh' }),
    weight: [3, 5, 4],
    input: [2, 6, 3, 5],
    rowAxes: [2, 3],
  },
  'Einsum over two axes': {
    node: makeNode('Einsum', ['x', 'w'], ['y'], { equation: 'bhti,hid->btd' }),
    weight: [2, 5, 4],
    input: [2, 2, 3, 5],
    rowAxes: [2],
  },
  'Conv 1D': { node: conv({ pads: [2, 1], strides: [2], dilations: [2] }), weight: [4, 3, 3], input: [2, 3, 11], rowAxes: [1] },
  'Conv 2D': { node: conv({ pads: [1, 0, 1, 2], strides: [2, 1] }), weight: [4, 3, 3, 2], input: [2, 3, 7, 5], rowAxes: [1] },
  'Conv 2D, pointwise': { node: conv(), weight: [4, 3, 1, 1], input: [2, 3, 4, 5], rowAxes: [1] },
  'Conv 2D, pointwise with strides': { node: conv({ strides: [2, 2] }), weight: [4, 3, 1, 1], input: [1, 3, 5, 5], rowAxes: [1] },
  'Conv 2D, groups': {
    node: conv({ group: 2, auto_pad: 'SAME_UPPER', strides: [2, 2] }),
    weight: [6, 2, 3, 3],
    input: [2, 4, 6, 7],
    rowAxes: [1],
  },
  'Conv 2D, depthwise, SAME_LOWER': {
    node: conv({ group: 3, auto_pad: 'SAME_LOWER' }),
    weight: [6, 1, 2, 2],
    input: [1, 3, 6, 6],
    rowAxes: [1],
  },
  'Conv 3D': { node: conv({ dilations: [1, 2, 1] }), weight: [2, 2, 2, 2, 2], input: [1, 2, 4, 5, 4], rowAxes: [1] },
  FusedConv: {
    node: conv({ pads: [1, 1, 1, 1], activation: 'Relu' }, 'com.microsoft', 'FusedConv'),
    weight: [4, 3, 3, 3],
    input: [1, 3, 5, 5],
    rowAxes: [],
  },
  'Conv with axes in another order': {
    node: makeNode('Conv', ['x', 'v'], ['y']),
    between: makeNode('Transpose', ['w'], ['v'], { perm: [3, 2, 0, 1] }),
    weight: [3, 2, 4, 5],
    input: [1, 4, 6, 6],
    rowAxes: [1],
  },
  ConvTranspose: {
    node: conv({ strides: [2, 2], pads: [1, 0, 0, 1], output_padding: [1, 0], dilations: [1, 2] }, '', 'ConvTranspose'),
    weight: [3, 4, 3, 2],
    input: [2, 3, 4, 5],
    rowAxes: [1],
  },
  'ConvTranspose 1D': { node: conv({ strides: [3] }, '', 'ConvTranspose'), weight: [3, 4, 4], input: [1, 3, 5], rowAxes: [1] },
  'ConvTranspose, depthwise': {
    node: conv({ group: 3, strides: [2, 2] }, '', 'ConvTranspose'),
    weight: [3, 2, 2, 2],
    input: [1, 3, 4, 4],
    rowAxes: [1],
  },
  'Conv of an old operator set': { node: conv({ pads: [1, 1, 1, 1] }), weight: [4, 3, 3, 3], input: [1, 3, 5, 5], rowAxes: [1], opset: 9 },
  'Conv of a new operator set': { node: conv({ pads: [1, 1, 1, 1] }), weight: [4, 3, 3, 3], input: [1, 3, 5, 5], rowAxes: [1], opset: 21 },
};

function modelOf({ node, weight, input, between, opset = 13 }: Case): Model {
  return handMade({
    nodes: [...(between ? [between] : []), node],
    weights: { w: weight },
    inputs: [tensorInfo('x', 'f32', input)],
    outputs: [tensorInfo('y', 'f32')],
    opset,
  });
}

async function outputs(model: Model, runs: readonly Feeds[]): Promise<Value[]> {
  const { session, close } = await openerOf(engine)(model);
  const values: Value[] = [];
  for (const feeds of runs) values.push((await session.run(feeds)).y!);
  await close();
  return values;
}

/** For each row of the layer's matrix, the sum of what the operator gave, and of its squares, over all positions. */
function sumsByRow(values: readonly Value[], rowAxes: readonly number[], rows: number) {
  const sums = new Float64Array(rows);
  const squares = new Float64Array(rows);
  for (const { shape, data } of values) {
    for (let i = 0; i < data.length; i++) {
      const row = rowAxes.reduce((at, axis) => at * shape[axis]! + (Math.floor(i / elementsOf(shape.slice(axis + 1))) % shape[axis]!), 0);
      sums[row]! += Number(data[i]);
      squares[row]! += Number(data[i]) ** 2;
    }
  }
  return { sums, squares };
}

describe('the input of a layer, times its weight, is the output', () => {
  it.each(Object.entries(CASES).filter(([, { rowAxes }]) => rowAxes.length > 0))('%s', async (_, each) => {
    const model = modelOf(each);
    const runs = [0, 1, 2].map((i) => ({ x: noise(`x${i}`, each.input) }));
    const observed = await observeRuns(engine, model, [ofInput('w', 'gram'), ofInput('w', 'mean'), ofInput('w', 'mean-square')], runs);
    expect([...observed.unseen]).toEqual([]);
    const gram = (await observed.get(ofInput('w', 'gram')))!;
    const mean = (await observed.get(ofInput('w', 'mean')))!;
    const meanSquare = (await observed.get(ofInput('w', 'mean-square')))!;
    const [layer] = await findLayers(model);
    const { weight, outputAxes, outputs: rows, inputs: columns } = layer!;
    expect([gram.columns, mean.columns, mean.groups]).toEqual([columns, columns, gram.groups]);
    const matrix = toMatrix(decode(await weight.load()), weight.shape, outputAxes);
    const found = sumsByRow(await outputs(model, runs), each.rowAxes, rows);
    const own = sumsByRow(await outputs(model, runs.slice(0, 1)), each.rowAxes, rows);
    expect(own.sums.every((sum, row) => sum !== found.sums[row])).toBe(true);
    for (let row = 0; row < rows; row++) {
      const group = Math.floor((row * gram.groups) / rows);
      let [sum, square] = [0, 0];
      for (let i = 0; i < columns; i++) {
        const w = matrix[row * columns + i]!;
        sum += w * mean.values[group * columns + i]! * mean.rows;
        for (let j = 0; j < columns; j++) square += w * matrix[row * columns + j]! * gram.values[(group * columns + i) * columns + j]!;
      }
      expect(Math.abs(sum - found.sums[row]!)).toBeLessThan(1e-4);
      expect(Math.abs(square / found.squares[row]! - 1)).toBeLessThan(1e-5);
    }
    for (let group = 0; group < gram.groups; group++) {
      for (let i = 0; i < columns; i++) {
        const diagonal = gram.values[(group * columns + i) * columns + i]! / gram.rows;
        expect(Math.abs(meanSquare.values[group * columns + i]! / diagonal - 1)).toBeLessThan(1e-5);
      }
    }
  });
});
