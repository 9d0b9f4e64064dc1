import { describe, expect, it } from 'vitest';
import { denseOf } from '../../../src/core/decode.ts';
import { elementsOf } from '../../../src/core/dtype.ts';
import { makeNode, type Node } from '../../../src/core/graph.ts';
import { vectorWeight } from '../../../src/core/graph-edit/scale-weight.ts';
import type { Model, Weight } from '../../../src/core/model.ts';
import foldBatchNorm from '../../../src/methods/graph/fold-batchnorm.ts';
import { handMade, randomWeight, tensorInfo } from '../../support/hand-made-model.ts';
import { expectSame, feed, graphContext, operators } from '../../support/run-both.ts';

type Weights = Parameters<typeof handMade>[0]['weights'];
type Plain = Parameters<typeof makeNode>[3];

const fold = (model: Model, notes: string[] = []) => foldBatchNorm.apply(model, {}, graphContext(notes));
const y = tensorInfo('y', 'f32');
const picture = tensorInfo('x', 'f32', ['n', 4, 5, 5]);
const rows = tensorInfo('x', 'f32', ['n', 6]);

/** Scale, bias, mean, variance for `count` channels, called `bn.*`. */
function statistics(count: number, prefix = 'bn'): Record<string, Weight> {
  const vector = (name: string, value: (i: number) => number) =>
    vectorWeight(`${prefix}.${name}`, 'f32', count, async () => Float64Array.from({ length: count }, (_, i) => value(i)));
  const list = [vector('s', (i) => 1 + i / 3), vector('b', (i) => i - 1), vector('m', (i) => Math.sin(i)), vector('v', (i) => 0.5 + i)];
  return Object.fromEntries(list.map((weight) => [weight.id, weight]));
}

function normalize(input: string, output: string, plain: Plain = { epsilon: { float: 1e-3 } }, prefix = 'bn'): Node {
  return makeNode('BatchNormalization', [input, ...['s', 'b', 'm', 'v'].map((name) => `${prefix}.${name}`)], [output], plain);
}

function constant(id: string, shape: readonly number[]): Weight {
  const values = Float32Array.from({ length: elementsOf(shape) }, (_, i) => 0.5 + i / 7);
  return { ...randomWeight(id, shape), load: async () => denseOf(values, shape) };
}

function behind(op: string, shape: readonly number[], channels: number, plain: Plain = {}, bias?: readonly number[]): Model {
  const inputs = bias ? ['x', 'w', 'bias'] : ['x', 'w'];
  const weights: Weights = { w: randomWeight('w', shape), ...(bias && { bias: randomWeight('bias', bias) }), ...statistics(channels) };
  return handMade({
    nodes: [makeNode(op, inputs, ['t'], plain), normalize('t', 'y')],
    weights,
    inputs: [op.startsWith('Conv') ? picture : rows],
    outputs: [y],
  });
}

const FOLDED: readonly (readonly [string, Model, readonly string[]])[] = [
  ['Conv', behind('Conv', [6, 4, 3, 3], 6, { pads: [1, 1, 1, 1] }), ['Conv']],
  ['Conv with bias', behind('Conv', [6, 4, 3, 3], 6, {}, [6]), ['Conv']],
  ['grouped Conv', behind('Conv', [6, 2, 3, 3], 6, { group: 2 }, [6]), ['Conv']],
  ['depthwise Conv', behind('Conv', [8, 1, 3, 3], 8, { group: 4 }), ['Conv']],
  ['ConvTranspose', behind('ConvTranspose', [4, 3, 2, 2], 3, {}, [3]), ['ConvTranspose']],
  ['grouped ConvTranspose', behind('ConvTranspose', [4, 3, 2, 2], 6, { group: 2, strides: [2, 2] }), ['ConvTranspose']],
  ['Gemm', behind('Gemm', [6, 5], 5, {}, [5]), ['Gemm']],
  ['Gemm with everything', behind('Gemm', [5, 6], 5, { transB: 1, alpha: { float: 0.5 }, beta: { float: 3 } }, [1, 5]), ['Gemm']],
  ['Gemm with one bias for all', behind('Gemm', [5, 6], 5, { transB: 1, beta: { float: 2 } }, [1]), ['Gemm']],
  ['MatMul', behind('MatMul', [6, 5], 5), ['MatMul', 'Add']],
];

describe('fold-batchnorm', () => {
  it.each(FOLDED)('into the %s before it', async (_, model, left) => {
    const notes: string[] = [];
    const result = await fold(model, notes);
    expect(operators(result)).toEqual(left);
    expect(notes).toEqual(['folded 1 BatchNormalization into weights']);
    await expectSame(model, result, { x: feed(model.graph?.inputs[0] === picture ? [2, 4, 5, 5] : [3, 6]) });
    expect(await fold(result)).toBe(result);
  });

  it('together with the bias of a MatMul', async () => {
    const model = handMade({
      nodes: [makeNode('MatMul', ['x', 'w'], ['p']), makeNode('Add', ['bias', 'p'], ['t']), normalize('t', 'y')],
      weights: { w: [6, 5], bias: [5], ...statistics(5) },
      inputs: [rows],
      outputs: [y],
    });
    const result = await fold(model);
    expect(operators(result)).toEqual(['MatMul', 'Add']);
    await expectSame(model, result, { x: feed([3, 6]) });
  });

  it('into the Conv after it, when there is no padding', async () => {
    for (const [plain, group, left] of [
      [{}, 1, ['Conv']],
      [{ auto_pad: 'VALID' }, 2, ['Conv']],
      [{ pads: [0, 1, 0, 0] }, 1, ['BatchNormalization', 'Conv']],
      [{ auto_pad: 'SAME_UPPER' }, 1, ['BatchNormalization', 'Conv']],
    ] as const) {
      const model = handMade({
        nodes: [normalize('x', 't'), makeNode('Conv', ['t', 'w', 'bias'], ['y'], { ...plain, group })],
        weights: { w: [6, 4 / group, 3, 3], bias: [6], ...statistics(4) },
        inputs: [picture],
        outputs: [y],
      });
      const result = await fold(model);
      expect(operators(result)).toEqual(left);
      await expectSame(model, result, { x: feed([2, 4, 5, 5]) });
    }
  });

  it('with the arithmetic that exporters unfold it into', async () => {
    const model = handMade({
      nodes: [
        makeNode('Conv', ['x', 'w'], ['a']),
        makeNode('Mul', ['a', 'k'], ['b']),
        makeNode('Sub', ['c', 'b'], ['d']),
        makeNode('Div', ['d', 'one'], ['e']),
        makeNode('Add', ['e', 'k2'], ['f']),
        makeNode('Relu', ['f'], ['y']),
      ],
      weights: {
        w: [6, 4, 3, 3],
        k: constant('k', [1, 6, 1, 1]),
        c: constant('c', [6, 1, 1]),
        one: constant('one', [1]),
        k2: constant('k2', []),
      },
      inputs: [picture],
      outputs: [y],
    });
    const result = await fold(model);
    expect(operators(result)).toEqual(['Conv', 'Relu']);
    await expectSame(model, result, { x: feed([2, 4, 5, 5]) });
  });

  it('with one factor and shift for everything before it: all of it without padding, all but one Add with padding', async () => {
    const scalars = { two: constant('two', [1]), three: constant('three', []), four: constant('four', [1]), bias: [6] };
    const before = [makeNode('Div', ['x', 'two'], ['a']), makeNode('Mul', ['three', 'a'], ['b']), makeNode('Add', ['b', 'four'], ['c'])];
    const conv = (plain: Plain) =>
      handMade({
        nodes: [...before, makeNode('Conv', ['c', 'w', 'bias'], ['y'], plain)],
        weights: { w: [6, 4, 3, 3], ...scalars },
        inputs: [picture],
        outputs: [y],
      });
    const gemm = handMade({
      nodes: [...before.slice(0, 2), makeNode('Gemm', ['b', 'w', 'bias'], ['y'], { beta: { float: 3 } })],
      weights: { w: [6, 6], ...scalars },
      inputs: [rows],
      outputs: [y],
    });
    const matmul = handMade({
      nodes: [...before, makeNode('MatMul', ['c', 'w'], ['y'])],
      weights: { w: [6, 5], ...scalars },
      inputs: [rows],
      outputs: [y],
    });
    const cases = [
      [conv({}), ['Conv'], [2, 4, 5, 5]],
      [conv({ pads: [1, 1, 1, 1] }), ['Add', 'Conv'], [2, 4, 5, 5]],
      [gemm, ['Gemm'], [3, 6]],
      [matmul, ['Add', 'MatMul'], [3, 6]],
    ] as const;
    for (const [model, left, shape] of cases) {
      const result = await fold(model);
      expect(operators(result)).toEqual(left);
      await expectSame(model, result, { x: feed(shape) });
      expect(await fold(result)).toBe(result);
    }
  });

  it.each<readonly [string, readonly Node[], Weights]>([
    [
      'in training mode',
      [makeNode('Conv', ['x', 'w'], ['t']), normalize('t', 'y', { training_mode: 1 })],
      { w: [6, 4, 3, 3], ...statistics(6) },
    ],
    [
      'when something else reads the value, too',
      [makeNode('Conv', ['x', 'w'], ['t']), normalize('t', 'u'), makeNode('Sum', ['t', 'u'], ['y'])],
      { w: [6, 4, 3, 3], ...statistics(6) },
    ],
    [
      'when two operators share the weight',
      [makeNode('Conv', ['x', 'w'], ['t']), normalize('t', 'u'), makeNode('Conv', ['x', 'w'], ['v']), makeNode('Sum', ['u', 'v'], ['y'])],
      { w: [6, 4, 3, 3], ...statistics(6) },
    ],
    [
      'when the weight is computed',
      [makeNode('Neg', ['w'], ['n']), makeNode('Conv', ['x', 'n'], ['t']), normalize('t', 'y')],
      { w: [6, 4, 3, 3], ...statistics(6) },
    ],
    [
      'of a constant along another axis',
      [makeNode('Conv', ['x', 'w'], ['t']), makeNode('Mul', ['t', 'k'], ['y'])],
      { w: [3, 4, 3, 3], k: constant('k', [3]) },
    ],
    [
      'of a constant that adds a dimension',
      [makeNode('Conv', ['x', 'w'], ['t']), makeNode('Mul', ['t', 'k'], ['y'])],
      { w: [3, 4, 3, 3], k: constant('k', [1, 1, 3, 1, 1]) },
    ],
    [
      'of one output channel that a constant would multiply',
      [makeNode('Conv', ['x', 'w'], ['t']), makeNode('Mul', ['t', 'k'], ['y'])],
      { w: [1, 4, 3, 3], k: constant('k', [3, 1, 1]) },
    ],
    [
      'of a division by the value',
      [makeNode('Conv', ['x', 'w'], ['t']), makeNode('Div', ['k', 't'], ['y'])],
      { w: [3, 4, 3, 3], k: constant('k', [1]) },
    ],
  ])('but not %s', async (_, nodes, weights) => {
    const model = handMade({ nodes, weights, inputs: [picture], outputs: [y], opset: 15 });
    expect(await fold(model)).toBe(model);
  });

  it('but not behind a MatMul whose channels lie elsewhere', async () => {
    const model = handMade({
      nodes: [makeNode('MatMul', ['x', 'w'], ['t']), normalize('t', 'y')],
      weights: { w: [6, 5], ...statistics(5) },
      inputs: [tensorInfo('x', 'f32', ['n', 5, 6])],
      outputs: [y],
    });
    expect(await fold(model)).toBe(model);
  });

  it('but not where a new bias takes more than the operators that go, whatever lies before them', async () => {
    const nodes = [
      makeNode('MatMul', ['x', 'a'], ['p']),
      makeNode('MatMul', ['p', 'b'], ['q']),
      makeNode('Mul', ['q', 'two'], ['r']),
      makeNode('Add', ['r', 'half'], ['y']),
    ];
    const weights = { a: [6, 40], b: [40, 500], two: constant('two', [1]), half: constant('half', [1]) };
    const model = handMade({ nodes, weights, inputs: [rows], outputs: [y] });
    expect(await foldBatchNorm.apply(model, {}, graphContext())).toBe(model);
  });

  it('reads no large weight before it is pulled', async () => {
    const weight: Weight = { ...randomWeight('w', [64, 4, 9, 9]), load: () => Promise.reject(new Error('w was read')) };
    const model = handMade({
      nodes: [makeNode('Conv', ['x', 'w'], ['t']), normalize('t', 'y')],
      weights: { w: weight, ...statistics(64) },
      inputs: [tensorInfo('x', 'f32', [1, 4, 9, 9])],
      outputs: [y],
    });
    const result = await fold(model);
    expect(operators(result)).toEqual(['Conv']);
    await expect(result.weights.get('w')?.load()).rejects.toThrow('w was read');
  });

  it('leaves half-precision weights that might not hold the product, and says so', async () => {
    const half = (factor: number) => {
      const scale = vectorWeight('k', 'f16', 1, async () => Float64Array.of(factor));
      const x16 = [
        makeNode('Cast', ['x'], ['h'], { to: 10 }),
        makeNode('Conv', ['h', 'w'], ['t']),
        makeNode('Mul', ['t', 'k'], ['u']),
        makeNode('Cast', ['u'], ['y'], { to: 1 }),
      ];
      return handMade({ nodes: x16, weights: { w: randomWeight('w', [6, 4, 3, 3], 'f16'), k: scale }, inputs: [picture], outputs: [y] });
    };
    const notes: string[] = [];
    const risky = half(300);
    expect(await fold(risky, notes)).toBe(risky);
    expect(notes).toEqual(['left # operators alone: half-precision weights might not hold the product'.replace('#', '1')]);
    expect(operators(await fold(half(0.5)))).toEqual(['Cast', 'Conv', 'Cast']);
  });

  it('computes in double precision and rounds once', async () => {
    const model = behind('Conv', [6, 4, 1, 1], 6);
    const result = await fold(model);
    const [before, after] = [await model.weights.get('w')?.load(), await result.weights.get('w')?.load()];
    if (before?.kind !== 'dense' || after?.kind !== 'dense') throw new Error('not dense');
    const [w, v] = [new Float32Array(before.bytes.buffer), new Float32Array(after.bytes.buffer)];
    const channel = 5;
    const factor = Math.fround(1 + channel / 3) / Math.sqrt(Math.fround(0.5 + channel) + Math.fround(1e-3));
    expect([...v.subarray(20, 24)]).toEqual([...w.subarray(20, 24)].map((value) => Math.fround(value * factor)));
  });
});
