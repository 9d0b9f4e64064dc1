import { describe, expect, it } from 'vitest';
import type { Shape } from '../../../src/core/dtype.ts';
import { makeNode, type Node } from '../../../src/core/graph.ts';
import type { Model, Weight } from '../../../src/core/model.ts';
import mergeDuplicates from '../../../src/methods/graph/merge-duplicates.ts';
import { graphOf, handMade, tensorInfo } from '../../support/hand-made-model.ts';
import { expectSame, feed, graphContext, operators } from '../../support/run-both.ts';

const merge = (model: Model, large = false, notes: string[] = []) => mergeDuplicates.apply(model, { large }, graphContext(notes));
const x = tensorInfo('x', 'f32', ['n', 4]);
const y = tensorInfo('y', 'f32');

function filled(id: string, shape: Shape, values: Float32Array | Uint32Array): Weight {
  return {
    id,
    shape,
    dtype: 'f32',
    layout: { kind: 'dense', dtype: 'f32' },
    load: async () => ({ kind: 'dense', dtype: 'f32', shape, bytes: new Uint8Array(values.buffer) }),
  };
}

/** Adds every weight to `x`. */
function adding(weights: Readonly<Record<string, Weight>>, options: Partial<Parameters<typeof handMade>[0]> = {}): Model {
  const names = Object.keys(weights);
  const nodes = names.map((name, i) => makeNode('Add', [i === 0 ? 'x' : `s${i}`, name], [i === names.length - 1 ? 'y' : `s${i + 1}`]));
  return handMade({ nodes, weights, inputs: [x], outputs: [y], ...options });
}

const ids = (model: Model) => [...model.weights.keys()];

describe('merge-duplicates', () => {
  it('merges equal weights into the one with the shortest name', async () => {
    const model = adding({
      'a.long.name': filled('a.long.name', [4], Float32Array.of(1, 2, 3, 4)),
      b: filled('b', [4], Float32Array.of(1, 2, 3, 4)),
      other: filled('other', [4], Float32Array.of(1, 2, 3, 5)),
      row: filled('row', [1, 4], Float32Array.of(1, 2, 3, 4)),
    });
    const notes: string[] = [];
    const result = await merge(model, false, notes);
    expect(ids(result)).toEqual(['b', 'other', 'row']);
    expect(notes).toEqual(['merged 1 weights into equal ones']);
    await expectSame(model, result, { x: feed([2, 4]) });
    expect(await merge(result)).toBe(result);
  });

  it('tells zero from minus zero, and one kind of NaN from another', async () => {
    const model = adding({
      zero: filled('zero', [1], Float32Array.of(0)),
      minus: filled('minus', [1], Float32Array.of(-0)),
      nan: filled('nan', [1], Uint32Array.of(0x7fc00000)),
      payload: filled('payload', [1], Uint32Array.of(0x7fc00001)),
    });
    expect(await merge(model)).toBe(model);
  });

  it('leaves defaults of inputs alone', async () => {
    const model = adding(
      { a: filled('a', [4], Float32Array.of(1, 2, 3, 4)), b: filled('b', [4], Float32Array.of(1, 2, 3, 4)) },
      { inputs: [x, tensorInfo('a', 'f32', [4])] },
    );
    expect(await merge(model)).toBe(model);
  });

  it('reads large weights only when asked, and only those that may have a twin', async () => {
    const values = Float32Array.from({ length: 20_000 }, (_, i) => i);
    const loads: string[] = [];
    const large = (id: string, shape: Shape): Weight => {
      const weight = filled(id, shape, values);
      return {
        ...weight,
        load: () => {
          loads.push(id);
          return weight.load();
        },
      };
    };
    const model = adding(
      { a: large('a', [5000, 4]), b: large('b', [5000, 4]), alone: large('alone', [5000, 4, 1]) },
      { inputs: [tensorInfo('x', 'f32', [1])] },
    );
    expect(await merge(model)).toBe(model);
    expect(loads).toEqual([]);
    expect(ids(await merge(model, true))).toEqual(['a', 'alone']);
    expect(loads).toEqual(['a', 'b']);
  });

  it('merges names of one weight without reading it', async () => {
    const unread: Weight = { ...filled('w', [16, 4], new Float32Array(64)), load: () => Promise.reject(new Error('w was read')) };
    const model = adding({ w: unread });
    const twice: Model = {
      ...model,
      ...(model.graph && {
        graph: {
          ...model.graph,
          nodes: [makeNode('Add', ['x', 'w'], ['s']), makeNode('Add', ['s', 'v'], ['y'])],
          initializers: new Map([
            ['w', 'w'],
            ['v', 'w'],
          ]),
        },
      }),
    };
    expect([...((await merge(twice)).graph?.initializers.keys() ?? [])]).toEqual(['w']);
  });

  it('shares what is worth it between branches, through the outer graph, and leaves their outputs alone', async () => {
    const values = Float32Array.from({ length: 400 }, (_, i) => Math.sin(i));
    const branch = (key: string) =>
      graphOf({
        nodes: [makeNode('MatMul', ['x', 'w'], ['t']), makeNode('Add', ['t', 'c'], [`z_${key}`])],
        outputs: [tensorInfo(`z_${key}`, 'f32'), tensorInfo('o', 'f32')],
        initializers: [`if/${key}/w`, `if/${key}/c`, `if/${key}/o`],
      });
    const choose: Node = {
      ...makeNode('If', ['flag'], ['y', 'k']),
      graphs: new Map([
        ['then_branch', branch('then')],
        ['else_branch', branch('else')],
      ]),
    };
    const weights = Object.fromEntries(
      ['then', 'else']
        .flatMap((key) => [
          filled(`if/${key}/w`, [4, 100], values),
          filled(`if/${key}/c`, [1], Float32Array.of(1)),
          filled(`if/${key}/o`, [100, 4], values),
        ])
        .map((weight) => [weight.id, weight]),
    );
    const model = handMade({
      nodes: [choose],
      weights,
      inputs: [x, tensorInfo('flag', 'bool', [1])],
      outputs: [y, tensorInfo('k', 'f32')],
    });
    const result = await merge(model);
    expect([...(result.graph?.initializers ?? [])]).toEqual([['w_1', 'if/then/w']]);
    expect(ids(result)).toEqual(['if/then/w', 'if/then/c', 'if/then/o', 'if/else/c', 'if/else/o']);
    for (const flag of [0, 1])
      await expectSame(model, result, { x: feed([2, 4]), flag: { type: 'bool', shape: [1], data: Uint8Array.of(flag) } });
    expect(await merge(result)).toBe(result);
  });

  it('computes equal things once, random numbers each time', async () => {
    const model = handMade({
      nodes: [
        makeNode('Softmax', ['x'], ['a'], { axis: -1 }),
        makeNode('Softmax', ['x'], ['b'], { axis: -1 }),
        makeNode('Softmax', ['x'], ['c'], { axis: 0 }),
        makeNode('Neg', ['a'], ['d']),
        makeNode('Neg', ['b'], ['e']),
        makeNode('RandomNormalLike', ['x'], ['r']),
        makeNode('RandomNormalLike', ['x'], ['q']),
        makeNode('Sub', ['r', 'r'], ['none']),
        makeNode('Sub', ['q', 'q'], ['nothing']),
        makeNode('Sum', ['c', 'd', 'e', 'none', 'nothing'], ['y']),
        makeNode('Neg', ['a'], ['out']),
      ],
      weights: {},
      inputs: [x],
      outputs: [y, tensorInfo('out', 'f32')],
    });
    const result = await merge(model);
    expect(operators(result)).toEqual(['Softmax', 'Softmax', 'Neg', 'RandomNormalLike', 'RandomNormalLike', 'Sub', 'Sub', 'Sum', 'Neg']);
    await expectSame(model, result, { x: feed([2, 4]) });
  });
});
