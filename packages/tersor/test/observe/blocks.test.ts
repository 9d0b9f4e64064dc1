import { expect, it } from 'vitest';
import type { Shape } from '../../src/core/dtype.ts';
import { makeNode, type Node } from '../../src/core/graph.ts';
import type { Model } from '../../src/core/model.ts';
import { blockModel } from '../../src/observe/block-model.ts';
import { findBlocks } from '../../src/observe/blocks.ts';
import { handMade, tensorInfo } from '../support/hand-made-model.ts';

/** Attention and a feed-forward part, six times, all of which read one mask. */
function transformer(layers: number): Model {
  const weights: Record<string, Shape> = { table: [50, 8], head: [8, 50] };
  const nodes: Node[] = [makeNode('Gather', ['table', 'ids'], ['h']), makeNode('Cast', ['attention'], ['mask'], { to: 1 })];
  for (let i = 0; i < layers; i++) {
    const h = i === 0 ? 'h' : `${i - 1}.out`;
    const linear = (from: string, name: string, shape: Shape) => {
      weights[`${i}.${name}`] = shape;
      return makeNode('MatMul', [from, `${i}.${name}`], [`${i}.${name}.y`]);
    };
    nodes.push(
      linear(h, 'q', [8, 8]),
      linear(h, 'k', [8, 8]),
      linear(h, 'v', [8, 8]),
      makeNode('Transpose', [`${i}.k.y`], [`${i}.kt`], { perm: [0, 2, 1] }),
      makeNode('MatMul', [`${i}.q.y`, `${i}.kt`], [`${i}.scores`]),
      makeNode('Add', [`${i}.scores`, 'mask'], [`${i}.masked`]),
      makeNode('Softmax', [`${i}.masked`], [`${i}.p`]),
      makeNode('MatMul', [`${i}.p`, `${i}.v.y`], [`${i}.mixed`]),
      linear(`${i}.mixed`, 'o', [8, 8]),
      makeNode('Add', [`${i}.o.y`, h], [`${i}.a`]),
      linear(`${i}.a`, 'up', [8, 16]),
      makeNode('Relu', [`${i}.up.y`], [`${i}.act`]),
      linear(`${i}.act`, 'down', [16, 8]),
      makeNode('Add', [`${i}.down.y`, `${i}.a`], [`${i}.out`]),
    );
  }
  nodes.push(makeNode('MatMul', [`${layers - 1}.out`, 'head'], ['logits']));
  return handMade({
    nodes,
    weights,
    inputs: [tensorInfo('ids', 'i64', [1, 'n']), tensorInfo('attention', 'i64', [1, 1, 'n'])],
    outputs: [tensorInfo('logits', 'f32')],
  });
}

it('finds the layers of a transformer, and what goes from each to the next', () => {
  const blocks = findBlocks(transformer(6));
  expect(blocks.map(({ kind, inputs, outputs }) => ({ kind, inputs, outputs }))).toEqual([
    { kind: undefined, inputs: ['ids', 'attention'], outputs: ['h', 'mask'] },
    ...Array.from({ length: 6 }, (_, i) => ({ kind: 0, inputs: [i === 0 ? 'h' : `${i - 1}.out`, 'mask'], outputs: [`${i}.out`] })),
    { kind: undefined, inputs: ['5.out'], outputs: ['logits'] },
  ]);
  expect(blocks.every(({ from }, i) => from === (blocks[i - 1]?.to ?? 0))).toBe(true);
  expect(blocks.at(-1)?.to).toBe(2 + 6 * 14 + 1);
});

it('finds repeated stages of convolutions, of each width their own', () => {
  const weights: Record<string, Shape> = {};
  const nodes: Node[] = [];
  let last = 'x';
  const conv = (name: string, shape: Shape, plain = {}) => {
    weights[name] = shape;
    nodes.push(makeNode('Conv', [last, name], [`${name}.y`], plain));
    last = `${name}.y`;
  };
  for (const [stage, width] of [4, 8].entries()) {
    conv(`${stage}.down`, [width, stage === 0 ? 3 : 4, 3, 3], { strides: [2, 2] });
    for (let i = 0; i < 3; i++) {
      const before = last;
      conv(`${stage}.${i}.expand`, [2 * width, width, 1, 1]);
      nodes.push(makeNode('Relu', [last], [`${stage}.${i}.r`]));
      last = `${stage}.${i}.r`;
      conv(`${stage}.${i}.deep`, [2 * width, 1, 3, 3], { group: 2 * width, pads: [1, 1, 1, 1] });
      conv(`${stage}.${i}.project`, [width, 2 * width, 1, 1]);
      nodes.push(makeNode('Add', [last, before], [`${stage}.${i}.out`]));
      last = `${stage}.${i}.out`;
    }
  }
  const model = handMade({ nodes, weights, inputs: [tensorInfo('x', 'f32', [1, 3, 32, 32])], outputs: [tensorInfo(last, 'f32')] });
  expect(findBlocks(model).map(({ kind, outputs }) => [kind, ...outputs])).toEqual([
    [undefined, '0.down.y'],
    [0, '0.0.out'],
    [0, '0.1.out'],
    [0, '0.2.out'],
    [undefined, '1.down.y'],
    [1, '1.0.out'],
    [1, '1.1.out'],
    [1, '1.2.out'],
  ]);
});

it('takes nothing for a repetition that is connected in another way, or has no weights', () => {
  const model = (second: string) =>
    handMade({
      nodes: [
        makeNode('MatMul', ['x', 'a'], ['p']),
        makeNode('Relu', ['p'], ['q']),
        makeNode('Add', ['q', 'x'], ['r']),
        makeNode('MatMul', ['r', 'b'], ['s']),
        makeNode('Relu', [second], ['t']),
        makeNode('Add', ['t', 'r'], ['y']),
      ],
      weights: { a: [4, 4], b: [4, 4] },
      inputs: [tensorInfo('x', 'f32', [1, 4])],
      outputs: [tensorInfo('y', 'f32')],
    });
  expect(findBlocks(model('s')).map(({ kind }) => kind)).toEqual([0, 0]);
  expect(findBlocks(model('r')).map(({ kind }) => kind)).toEqual([undefined]);
  const idle = handMade({
    nodes: ['a', 'b', 'c'].map((name, i, all) => makeNode('Relu', [all[i - 1] ?? 'x'], [name])),
    weights: {},
    inputs: [tensorInfo('x', 'f32', [1])],
    outputs: [tensorInfo('c', 'f32')],
  });
  expect(findBlocks(idle).map(({ kind }) => kind)).toEqual([undefined]);
  expect(findBlocks({ ...idle, graph: { ...idle.graph!, nodes: [] } })).toEqual([]);
});

it('makes a model of a block, with its weights alone', () => {
  const model = transformer(3);
  const [, , second] = findBlocks(model);
  const block = blockModel(model, second!);
  expect(block.graph?.inputs).toEqual([tensorInfo('0.out', 'f32'), tensorInfo('mask', 'f32')]);
  expect(block.graph?.outputs.map(({ name }) => name)).toEqual(['1.out']);
  expect([...block.weights.keys()]).toEqual(['1.q', '1.k', '1.v', '1.o', '1.up', '1.down']);
});
