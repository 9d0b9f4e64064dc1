import { expect, it } from 'vitest';
import { type Graph, makeNode, type Node } from '../../src/core/graph.ts';
import { outputKinds } from '../../src/evaluate/output-kinds.ts';

const graph = (nodes: readonly Node[], opset = 17): Graph => ({
  name: 'g',
  nodes,
  inputs: [],
  outputs: [],
  values: new Map(),
  initializers: new Map(),
  opsets: new Map([['', opset]]),
});
const y = (shape: readonly (number | string)[], name = 'y') => ({ name, dtype: 'f32', shape }) as const;
const kindOf = (...args: Parameters<typeof outputKinds>) => [...outputKinds(...args).values()][0];

it.each([
  ['a softmax', [makeNode('Softmax', ['x'], ['y'], { axis: 1 })], y(['N', 10, 5]), { kind: 'classes', axis: 1 }],
  [
    'a softmax behind a reshape',
    [makeNode('Softmax', ['x'], ['s']), makeNode('Reshape', ['s', 'shape'], ['y'])],
    y(['N', 10]),
    { kind: 'classes', axis: -1 },
  ],
  ['a softmax further back', [makeNode('Softmax', ['x'], ['s']), makeNode('MatMul', ['s', 'v'], ['y'])], y(['N', 10]), { kind: 'value' }],
  ['a sigmoid', [makeNode('Sigmoid', ['x'], ['y'])], y(['N', 1]), { kind: 'value' }],
])('takes the outputs of %s for what they are', (_, nodes, output, expected) => {
  expect(kindOf([output], { graph: graph(nodes) })).toMatchObject(expected);
});

it.each([
  ['logits', ['N', 1000], { kind: 'classes', axis: -1 }],
  ['cls.probs', ['N', 5], { kind: 'classes' }],
  ['segmentation_logits', ['N', 21, 'H', 'W'], { kind: 'classes', axis: 1 }],
  ['logits', ['N', 1], { kind: 'value' }],
  ['probability_map_problem', ['N', 5], { kind: 'classes' }],
  ['problem', ['N', 5], { kind: 'value' }],
  ['last_hidden_state', ['N', 'T', 384], { kind: 'value' }],
])('guesses %s %j', (name, shape, expected) => {
  expect(kindOf([y(shape, name)])).toMatchObject(expected);
});

it('takes what is fed back for state, and the word of the user before all', () => {
  const links = [{ input: 'h', output: 'logits' }];
  expect(kindOf([y(['N', 5], 'logits')], { links })).toMatchObject({ kind: 'state', because: 'fed back into h' });
  expect(kindOf([y(['N', 5], 'logits')], { links, overrides: { logits: 'value' } })).toMatchObject({
    kind: 'value',
    because: 'you said so',
  });
  expect(() => outputKinds([y(['N', 5], 'logits')], { overrides: { logit: 'value' } })).toThrow(
    'output logit: the model has no such output\n  did you mean "logits"? [USAGE]',
  );
});
