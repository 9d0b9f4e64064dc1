import { describe, expect, it } from 'vitest';
import { decode } from '../../../src/core/decode.ts';
import { makeNode, type Node } from '../../../src/core/graph.ts';
import type { Model, Weight } from '../../../src/core/model.ts';
import { sizeOnnx } from '../../../src/formats/onnx/write.ts';
import foldConstants from '../../../src/methods/graph/fold-constants.ts';
import { graphOf, handMade, randomWeight, tensorInfo } from '../../support/hand-made-model.ts';
import { expectSame, feed, graphContext, operators } from '../../support/run-both.ts';

const fold = (model: Model) => foldConstants.apply(model, {}, graphContext());
const x = tensorInfo('x', 'f32', ['n', 6]);
const y = tensorInfo('y', 'f32');

/** Larger than what may be read while planning; loading it is an error until `pulled` is set. */
function largeWeight(id: string, shape: readonly number[], dtype: 'f32' | 'f16' = 'f32'): Weight & { allow(): void } {
  const weight = randomWeight(id, shape, dtype);
  let allowed = false;
  return {
    ...weight,
    allow: () => {
      allowed = true;
    },
    load: () => (allowed ? weight.load() : Promise.reject(new Error(`${id} was read`))),
  };
}

describe('fold-constants', () => {
  it('computes shapes that are known, and the reshape stays', async () => {
    const model = handMade({
      nodes: [
        makeNode('Shape', ['x'], ['s']),
        makeNode('Gather', ['s', 'one'], ['width'], { axis: 0 }),
        makeNode('Div', ['width', 'two'], ['half']),
        makeNode('Concat', ['minus', 'half', 'two'], ['target'], { axis: 0 }),
        makeNode('Reshape', ['x', 'target'], ['y']),
      ],
      weights: { one: [1n], two: [2n], minus: [-1n] },
      inputs: [x],
      outputs: [y],
    });
    const result = await fold(model);
    expect(operators(result)).toEqual(['Reshape']);
    expect([...result.weights.keys()]).toEqual(['target']);
    await expectSame(model, result, { x: feed([2, 6]) });
  });

  it('leaves what depends on a free dimension', async () => {
    const model = handMade({
      nodes: [
        makeNode('Shape', ['x'], ['s']),
        makeNode('Gather', ['s', 'zero'], ['n'], { axis: 0 }),
        makeNode('Concat', ['n', 'six'], ['target'], { axis: 0 }),
        makeNode('Reshape', ['x', 'target'], ['y']),
      ],
      weights: { zero: [0n], six: [6n] },
      inputs: [x],
      outputs: [y],
    });
    expect(await fold(model)).toBe(model);
  });

  it('takes an initializer that is an input for what it is: replaceable', async () => {
    const model = handMade({
      nodes: [makeNode('Add', ['a', 'b'], ['c']), makeNode('Reshape', ['x', 'c'], ['y'])],
      weights: { a: [1n, 2n], b: [1n, 1n] },
      inputs: [x, tensorInfo('a', 'i64', [2])],
      outputs: [y],
    });
    expect(await fold(model)).toBe(model);
  });

  it.each<readonly [string, Node, readonly number[], 'f32' | 'f16']>([
    ['Transpose', makeNode('Transpose', ['w'], ['v'], { perm: [1, 0] }), [4000, 6], 'f32'],
    ['Reshape', makeNode('Reshape', ['w', 'shape'], ['v']), [4000, 6], 'f32'],
    ['Slice', makeNode('Slice', ['w', 'starts', 'ends'], ['v']), [7, 4000], 'f32'],
    ['narrowing Cast', makeNode('Cast', ['w'], ['v'], { to: 10 }), [6, 4000], 'f32'],
  ])('moves a large weight through %s when it is pulled, not before', async (_, node, shape, dtype) => {
    const weight = largeWeight('w', shape, dtype);
    const compute =
      node.op === 'Cast'
        ? [makeNode('Cast', ['x'], ['h'], { to: 10 }), makeNode('MatMul', ['h', 'v'], ['z']), makeNode('Cast', ['z'], ['y'], { to: 1 })]
        : [makeNode('MatMul', ['x', 'v'], ['y'])];
    const model = handMade({
      nodes: [node, ...compute],
      weights: { w: weight, shape: [6n, -1n], starts: [1n], ends: [7n] },
      inputs: [x],
      outputs: [y],
    });
    const result = await fold(model);
    expect(result.weights.get('v')?.shape).toEqual([6, 4000]);
    expect(result.weights.size).toBe(1);
    weight.allow();
    await expectSame(model, result, { x: feed([2, 6]) });
  });

  it('splits and joins large weights', async () => {
    const weight = largeWeight('w', [6, 6000]);
    const split = handMade({
      nodes: [
        makeNode('Split', ['w', 'parts'], ['a', 'b'], { axis: 1 }),
        makeNode('MatMul', ['x', 'a'], ['p']),
        makeNode('MatMul', ['x', 'b'], ['q']),
        makeNode('Concat', ['p', 'q'], ['y'], { axis: 1 }),
      ],
      weights: { w: weight, parts: [2000n, 4000n] },
      inputs: [x],
      outputs: [y],
    });
    const apart = await fold(split);
    expect(operators(apart)).toEqual(['MatMul', 'MatMul', 'Concat']);
    const joined = handMade({
      nodes: [makeNode('Concat', ['v', 'w'], ['vw'], { axis: 1 }), makeNode('MatMul', ['x', 'vw'], ['y'])],
      weights: { v: [6, 5], w: weight },
      inputs: [x],
      outputs: [y],
    });
    const together = await fold(joined);
    expect(operators(together)).toEqual(['MatMul']);
    weight.allow();
    await expectSame(split, apart, { x: feed([2, 6]) });
    await expectSame(joined, together, { x: feed([2, 6]) });
  });

  it('never writes a weight twice, nor anything larger than before', async () => {
    const tied = handMade({
      nodes: [
        makeNode('Transpose', ['w'], ['v'], { perm: [1, 0] }),
        makeNode('MatMul', ['x', 'v'], ['p']),
        makeNode('MatMul', ['p', 'w'], ['y']),
      ],
      weights: { w: randomWeight('w', [5, 6]) },
      inputs: [x],
      outputs: [y],
    });
    expect(await fold(tied)).toBe(tied);
    const widening = handMade({
      nodes: [makeNode('Cast', ['w'], ['v'], { to: 1 }), makeNode('MatMul', ['x', 'v'], ['y'])],
      weights: { w: randomWeight('w', [6, 500], 'f16') },
      inputs: [x],
      outputs: [y],
    });
    expect(await fold(widening)).toBe(widening);
    const expanding = handMade({
      nodes: [makeNode('ConstantOfShape', ['s'], ['c']), makeNode('Add', ['x', 'c'], ['y'])],
      weights: { s: [100n, 6n] },
      inputs: [x],
      outputs: [y],
    });
    expect(await fold(expanding)).toBe(expanding);
  });

  it('folds what a constant is made of, where the constant itself would be too large', async () => {
    const model = handMade({
      nodes: [
        makeNode('Concat', ['a', 'b'], ['s'], { axis: 0 }),
        makeNode('ConstantOfShape', ['s'], ['c']),
        makeNode('Add', ['x', 'c'], ['y']),
      ],
      weights: { a: [100n], b: [6n] },
      inputs: [x],
      outputs: [y],
    });
    const result = await fold(model);
    expect(operators(result)).toEqual(['ConstantOfShape', 'Add']);
    expect(sizeOnnx(result).bytes).toBeLessThan(sizeOnnx(model).bytes);
  });

  it('keeps nodes that compute outputs', async () => {
    const model = handMade({
      nodes: [makeNode('Add', ['a', 'b'], ['y'])],
      weights: { a: [1n], b: [2n] },
      inputs: [x],
      outputs: [tensorInfo('y', 'i64')],
    });
    expect(await fold(model)).toBe(model);
  });

  it('puts the branch that is always taken in the place of its If', async () => {
    // both branches and the outer graph use the name "w", the branch passes an outer value and a constant through
    const then = graphOf({
      nodes: [makeNode('MatMul', ['x', 'w'], ['t']), makeNode('Identity', ['x'], ['o'])],
      outputs: [tensorInfo('t', 'f32'), tensorInfo('o', 'f32'), tensorInfo('c', 'f32')],
      initializers: ['if/then/w', 'if/then/c'],
    });
    const otherwise = graphOf({
      nodes: [makeNode('MatMul', ['x', 'w'], ['t']), makeNode('Neg', ['t'], ['u']), makeNode('Neg', ['u'], ['v'])],
      outputs: [tensorInfo('t', 'f32'), tensorInfo('u', 'f32'), tensorInfo('v', 'f32')],
      initializers: ['if/else/w'],
    });
    const choose: Node = {
      ...makeNode('If', ['always'], ['a', 'b', 'c0']),
      graphs: new Map([
        ['then_branch', then],
        ['else_branch', otherwise],
      ]),
    };
    const asks = { ...choose, name: 't', inputs: ['flag'], outputs: ['d', 'e', 'f'] }; // a name that a node of the branch has, too
    const model = handMade({
      nodes: [
        makeNode('Equal', ['one', 'one'], ['always']),
        choose,
        asks,
        makeNode('Sum', ['a', 'd'], ['y']),
        makeNode('Relu', ['b'], ['z']),
        makeNode('Sum', ['c0', 'f'], ['q']),
      ],
      weights: {
        one: [1n],
        'if/then/w': randomWeight('if/then/w', [6, 6]),
        'if/then/c': randomWeight('if/then/c', [6]),
        'if/else/w': randomWeight('if/else/w', [6, 6]),
      },
      inputs: [x, tensorInfo('flag', 'bool', [1])],
      outputs: [y, tensorInfo('z', 'f32'), tensorInfo('q', 'f32')],
    });
    const result = await fold(model);
    expect(operators(result)).toEqual([
      'MatMul',
      'Identity',
      'Identity',
      'If',
      'MatMul',
      'Identity',
      'MatMul',
      'Neg',
      'Neg',
      'Sum',
      'Relu',
      'Sum',
    ]);
    for (const flag of [0, 1])
      await expectSame(model, result, { x: feed([2, 6]), flag: { type: 'bool', shape: [1], data: Uint8Array.of(flag) } });
  });

  it('reads int64 weights exactly', async () => {
    const model = handMade({
      nodes: [makeNode('Add', ['a', 'b'], ['c']), makeNode('Mul', ['i', 'c'], ['y'])],
      weights: { a: [2n ** 53n], b: [1n] },
      inputs: [tensorInfo('i', 'i64', [1])],
      outputs: [tensorInfo('y', 'i64', [1])],
    });
    const tensor = await (await fold(model)).weights.get('c')?.load();
    expect(tensor?.kind === 'dense' && new DataView(tensor.bytes.buffer).getBigInt64(0, true)).toBe(2n ** 53n + 1n);
    expect(tensor && decode(tensor)).toEqual(Float32Array.of(2 ** 53));
  });
});
