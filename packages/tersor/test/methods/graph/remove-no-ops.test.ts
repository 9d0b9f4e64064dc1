import { describe, expect, it } from 'vitest';
import { makeNode, type Node } from '../../../src/core/graph.ts';
import { vectorWeight } from '../../../src/core/graph-edit/scale-weight.ts';
import type { Model } from '../../../src/core/model.ts';
import removeNoOps from '../../../src/methods/graph/remove-no-ops.ts';
import { graphOf, handMade, randomWeight, tensorInfo } from '../../support/hand-made-model.ts';
import { expectSame, feed, graphContext, operators } from '../../support/run-both.ts';

const clean = (model: Model, notes: string[] = []) => removeNoOps.apply(model, {}, graphContext(notes));
const x = tensorInfo('x', 'f32', ['n', 3, 4]);
const y = tensorInfo('y', 'f32');
const constant = (id: string, ...values: number[]) => vectorWeight(id, 'f32', values.length, async () => Float64Array.from(values));

/** `x` → the node → Relu → `y`. */
function around(node: Node, weights: Parameters<typeof handMade>[0]['weights'] = {}, opset = 13): Model {
  return handMade({ nodes: [node, makeNode('Relu', ['t'], ['y'])], weights, inputs: [x], outputs: [y], opset });
}

const NO_OPS: readonly (readonly [string, Model])[] = [
  ['Identity', around(makeNode('Identity', ['x'], ['t']))],
  ['Dropout', around(makeNode('Dropout', ['x'], ['t', 'mask']))],
  ['Cast to the same type', around(makeNode('Cast', ['x'], ['t'], { to: 1 }))],
  ['Transpose in order', around(makeNode('Transpose', ['x'], ['t'], { perm: [0, 1, 2] }))],
  ['Reshape that copies', around(makeNode('Reshape', ['x', 's'], ['t']), { s: [0n, 3n, 4n] })],
  ['Reshape that infers one dimension', around(makeNode('Reshape', ['x', 's'], ['t']), { s: [-1n, 3n, 0n] })],
  ['Expand', around(makeNode('Expand', ['x', 's'], ['t']), { s: [3n, 1n] })],
  ['Tile', around(makeNode('Tile', ['x', 's'], ['t']), { s: [1n, 1n, 1n] })],
  ['Concat of one', around(makeNode('Concat', ['x'], ['t'], { axis: 1 }))],
  ['Sum of one', around(makeNode('Sum', ['x'], ['t']))],
  ['Pad by nothing', around(makeNode('Pad', ['x', 's'], ['t']), { s: [0n, 0n, 0n, 0n, 0n, 0n] })],
  ['Pad by nothing, as an attribute', around(makeNode('Pad', ['x'], ['t'], { pads: [0, 0, 0, 0, 0, 0] }), {}, 9)],
  ['Slice to the end', around(makeNode('Slice', ['x', 's', 'e'], ['t']), { s: [0n], e: [2n ** 63n - 1n] })],
  ['Slice of a known dimension', around(makeNode('Slice', ['x', 's', 'e', 'a'], ['t']), { s: [0n], e: [4n], a: [-1n] })],
  ['x + 0', around(makeNode('Add', ['x', 'c'], ['t']), { c: constant('c', 0) })],
  ['0 + x, per channel', around(makeNode('Add', ['c', 'x'], ['t']), { c: constant('c', 0, 0, 0, 0) })],
  ['x - 0', around(makeNode('Sub', ['x', 'c'], ['t']), { c: constant('c', 0) })],
  ['x * 1', around(makeNode('Mul', ['x', 'c'], ['t']), { c: constant('c', 1) })],
  ['x / 1', around(makeNode('Div', ['x', 'c'], ['t']), { c: constant('c', 1) })],
  ['x ^ 1', around(makeNode('Pow', ['x', 'c'], ['t']), { c: constant('c', 1) })],
];

const EFFECTIVE: readonly (readonly [string, Model])[] = [
  ['Cast to another type', around(makeNode('Cast', ['x'], ['t'], { to: 11 }))],
  ['Transpose', around(makeNode('Transpose', ['x'], ['t'], { perm: [0, 2, 1] }))],
  ['Transpose without an order', around(makeNode('Transpose', ['x'], ['t']))],
  ['Reshape to a number where the dimension is free', around(makeNode('Reshape', ['x', 's'], ['t']), { s: [2n, 3n, 4n] })],
  ['Reshape to another shape', around(makeNode('Reshape', ['x', 's'], ['t']), { s: [0n, 4n, 3n] })],
  ['Expand that adds a dimension', around(makeNode('Expand', ['x', 's'], ['t']), { s: [1n, 1n, 1n, 1n] })],
  ['Slice that cuts', around(makeNode('Slice', ['x', 's', 'e', 'a'], ['t']), { s: [0n], e: [3n], a: [2n] })],
  ['Slice to a number where the dimension is free', around(makeNode('Slice', ['x', 's', 'e', 'a'], ['t']), { s: [0n], e: [4n], a: [0n] })],
  ['Pad', around(makeNode('Pad', ['x', 's'], ['t']), { s: [0n, 0n, 0n, 0n, 0n, 1n] })],
  ['1 - x', around(makeNode('Sub', ['c', 'x'], ['t']), { c: constant('c', 0) })],
  ['x * 2', around(makeNode('Mul', ['x', 'c'], ['t']), { c: constant('c', 2) })],
  [
    'x + 0 with broadcasting',
    around(makeNode('Add', ['x', 'c'], ['t']), {
      c: {
        ...randomWeight('c', [5, 1, 1, 1]),
        load: async () => ({ kind: 'dense', dtype: 'f32', shape: [5, 1, 1, 1], bytes: new Uint8Array(20) }),
      },
    }),
  ],
  [
    'Dropout while training',
    around(makeNode('Dropout', ['x', '', 'training'], ['t']), {
      training: {
        id: 'training',
        shape: [],
        dtype: 'bool',
        layout: { kind: 'dense', dtype: 'bool' },
        load: async () => ({ kind: 'dense', dtype: 'bool', shape: [], bytes: Uint8Array.of(1) }),
      },
    }),
  ],
  ['an operator of somebody else', around(makeNode('Identity', ['x'], ['t'], {}, 'com.example'))],
];

describe('remove-no-ops', () => {
  it.each(NO_OPS)('removes %s', async (_, model) => {
    const result = await clean(model);
    expect(operators(result)).toEqual(['Relu']);
    expect(result.weights.size).toBe(0);
    await expectSame(model, result, { x: feed([2, 3, 4]) });
  });

  it.each(EFFECTIVE)('keeps %s', async (_, model) => {
    expect(await clean(model)).toBe(model);
  });

  it('cancels pairs', async () => {
    const pairs: readonly (readonly [Node, Node])[] = [
      [makeNode('Transpose', ['x'], ['p'], { perm: [2, 0, 1] }), makeNode('Transpose', ['p'], ['t'], { perm: [1, 2, 0] })],
      [makeNode('Transpose', ['x'], ['p']), makeNode('Transpose', ['p'], ['t'])],
      [makeNode('Unsqueeze', ['x', 'a'], ['p']), makeNode('Squeeze', ['p', 'a'], ['t'])],
    ];
    for (const [first, second] of pairs) {
      const model = handMade({
        nodes: [first, second, makeNode('Relu', ['t'], ['y'])],
        weights: { a: [0n, 2n] },
        inputs: [x],
        outputs: [y],
      });
      const result = await clean(model);
      expect(operators(result)).toEqual(['Relu']);
      await expectSame(model, result, { x: feed([2, 3, 4]) });
    }
  });

  it('keeps the names of outputs: the producer takes over, or Identity stays', async () => {
    const model = handMade({
      nodes: [
        makeNode('Relu', ['x'], ['r']),
        makeNode('Identity', ['r'], ['y']),
        makeNode('Identity', ['r'], ['y2']),
        makeNode('Neg', ['r'], ['n']),
        makeNode('Identity', ['x'], ['same']),
      ],
      weights: {},
      inputs: [x],
      outputs: [y, tensorInfo('y2', 'f32'), tensorInfo('n', 'f32'), tensorInfo('same', 'f32')],
    });
    const result = await clean(model);
    expect(operators(result)).toEqual(['Relu', 'Identity', 'Neg', 'Identity']);
    expect(result.graph?.nodes[0]?.outputs).toEqual(['y']);
    await expectSame(model, result, { x: feed([2, 3, 4]) });
  });

  it('follows values into branches, which keep their own outputs', async () => {
    const branch = (op: string) =>
      graphOf({ nodes: [makeNode('Identity', ['t'], ['inner']), makeNode(op, ['inner'], ['z'])], outputs: [tensorInfo('z', 'f32')] });
    const passing = graphOf({ nodes: [makeNode('Identity', ['t'], ['same'])], outputs: [tensorInfo('same', 'f32')] });
    const choose = (then: typeof passing, otherwise: typeof passing): Node => ({
      ...makeNode('If', ['flag'], ['y']),
      graphs: new Map([
        ['then_branch', then],
        ['else_branch', otherwise],
      ]),
    });
    for (const [then, count] of [
      [branch('Neg'), 3],
      [passing, 3],
    ] as const) {
      const model = handMade({
        nodes: [makeNode('Identity', ['x'], ['t']), choose(then, branch('Exp'))],
        weights: {},
        inputs: [x, tensorInfo('flag', 'bool', [1])],
        outputs: [y],
      });
      const result = await clean(model);
      expect(operators(result).length).toBe(count);
      for (const flag of [0, 1])
        await expectSame(model, result, { x: feed([2, 3, 4]), flag: { type: 'bool', shape: [1], data: Uint8Array.of(flag) } });
    }
  });

  it('renames where a branch hides an outer value', async () => {
    const hiding = graphOf({ nodes: [makeNode('Neg', ['t'], ['u']), makeNode('Exp', ['u'], ['z'])], outputs: [tensorInfo('z', 'f32')] });
    const plain = graphOf({ nodes: [makeNode('Neg', ['u'], ['z'])], outputs: [tensorInfo('z', 'f32')] });
    const node: Node = {
      ...makeNode('If', ['flag'], ['y']),
      graphs: new Map([
        ['then_branch', hiding],
        ['else_branch', plain],
      ]),
    };
    const model = handMade({
      nodes: [makeNode('Relu', ['x'], ['t']), makeNode('Identity', ['t'], ['i']), makeNode('Abs', ['i'], ['u']), node],
      weights: {},
      inputs: [x, tensorInfo('flag', 'bool', [1])],
      outputs: [y],
    });
    const result = await clean(model);
    const [then] = [...(result.graph?.nodes.at(-1)?.graphs.values() ?? [])];
    expect(then?.nodes.map(({ inputs, outputs }) => [...inputs, ...outputs])).toEqual([
      ['t', 'u_1'],
      ['u_1', 'z'],
    ]);
  });

  it('removes what nothing uses, but no input and no default of an input', async () => {
    const model = handMade({
      nodes: [
        makeNode('LSTM', ['x', 'w', 'r'], ['all', 'last', 'cell'], { hidden_size: 2 }),
        makeNode('Neg', ['all'], ['dead']),
        makeNode('Relu', ['last'], ['y']),
      ],
      weights: { w: [1, 8, 4], r: [1, 8, 2], unused: [7], given: [4] },
      inputs: [x, tensorInfo('given', 'f32', [4]), tensorInfo('spare', 'f32', [1])],
      outputs: [y],
    });
    const result = await clean(model);
    expect(result.graph?.nodes.map(({ op, outputs }) => [op, ...outputs])).toEqual([
      ['LSTM', '', 'last'],
      ['Relu', 'y'],
    ]);
    expect([...result.weights.keys()]).toEqual(['w', 'r', 'given']);
    await expectSame(model, result, { x: feed([2, 3, 4]), spare: feed([1]) });
  });

  it('says what it did, and nothing when there was nothing to do', async () => {
    const notes: string[] = [];
    const once = await clean(around(makeNode('Identity', ['x'], ['t'])), notes);
    expect(notes).toEqual(['removed 1 operators that change nothing']);
    expect(await clean(once, notes)).toBe(once);
    expect(notes.length).toBe(1);
  });
});
