import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Engine, Feeds, Session, Value } from '../../src/core/engine.ts';
import { makeNode, type Node } from '../../src/core/graph.ts';
import type { Model } from '../../src/core/model.ts';
import { type Observation, ofInput, ofValue } from '../../src/core/observation.ts';
import { randomFor } from '../../src/core/random.ts';
import { openEngine } from '../../src/engine/engine-node.ts';
import { graphOf, handMade, tensorInfo } from '../support/hand-made-model.ts';
import { observeRuns } from '../support/observing.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await openEngine();
});
afterAll(() => engine.close());

function noise(name: string, shape: readonly number[]): Value {
  const random = randomFor(5, name);
  const count = shape.reduce((a, b) => a * b, 1);
  return { dtype: 'f32', shape, data: Float32Array.from({ length: count }, () => random() * 2 - 0.8) };
}

const ROW: Node = {
  ...makeNode('Constant', [], ['row']),
  attributes: new Map([
    [
      'value',
      { kind: 'tensor', value: { kind: 'dense', dtype: 'i64', shape: [2], bytes: new Uint8Array(BigInt64Array.of(-1n, 8n).buffer) } },
    ],
  ]),
};

/** A residual stream with state; its last branch sees a value of the second node, and a list of tensors goes from the fourth to the sixth. */
function stream(): Model {
  const branch = (op: string) =>
    graphOf({ nodes: [makeNode(op, ['c', 'a'], ['inner']), makeNode('Tanh', ['inner'], ['out'])], outputs: [tensorInfo('out', 'f32')] });
  const either: Node = {
    ...makeNode('If', ['which'], ['d']),
    graphs: new Map([
      ['then_branch', branch('Add')],
      ['else_branch', branch('Sub')],
    ]),
  };
  return handMade({
    nodes: [
      ROW,
      makeNode('MatMul', ['x', 'w'], ['h']),
      makeNode('Relu', ['h'], ['a']),
      makeNode('Add', ['a', 'hidden'], ['b']),
      makeNode('SequenceConstruct', ['b', 'a'], ['list']),
      makeNode('MatMul', ['a', 'v'], ['e']),
      makeNode('ConcatFromSequence', ['list'], ['f'], { axis: 0 }),
      makeNode('ReduceMean', ['f'], ['hidden_out'], { axes: [0], keepdims: 1 }),
      makeNode('Reshape', ['e', 'row'], ['c']),
      either,
      makeNode('MatMul', ['d', 'u'], ['y']),
    ],
    weights: { w: [8, 8], v: [8, 8], u: [8, 3] },
    inputs: [tensorInfo('x', 'f32', ['n', 8]), tensorInfo('hidden', 'f32', [1, 8]), tensorInfo('which', 'bool', [])],
    outputs: [tensorInfo('y', 'f32'), tensorInfo('hidden_out', 'f32', [1, 8])],
  });
}

const ASKED: readonly Observation[] = [
  ...['x', 'h', 'a', 'b', 'c', 'd', 'e', 'y'].map((id) => ofValue(id, 'histogram')),
  ofInput('v', 'gram'),
  ofInput('u', 'mean'),
  ofValue('b', 'mean-square', -1),
];

it('finds the same in parts as in one, however small they are, over steps with state', async () => {
  const which = (value: number): Value => ({ dtype: 'bool', shape: [], data: Uint8Array.of(value) });
  const steps = (name: string, rows: number): Feeds[] => [
    { x: noise(`${name}0`, [rows, 8]), which: which(1), hidden: noise(name, [1, 8]) },
    { x: noise(`${name}1`, [rows, 8]), which: which(0) },
  ];
  const runs = [steps('p', 20), steps('q', 33), steps('r', 7)];
  const whole = await observeRuns(engine, stream(), ASKED, runs);
  expect([...whole.unseen]).toEqual([]);
  for (const [elements, least] of [
    [1, 4],
    [33 * 8, 4],
    [33 * 8 * 3, 2],
  ] as const) {
    const opened: Session[] = [];
    const watching: Engine = {
      ...engine,
      async open(source, options) {
        expect(options).toEqual({ frugal: true });
        opened.push(await engine.open(source, options));
        return opened.at(-1)!;
      },
    };
    const parts = await observeRuns(watching, stream(), ASKED, runs, { maxOutputBytes: elements * 4 });
    expect(opened.length).toBeGreaterThanOrEqual(least);
    expect(opened.some(({ inputs }) => inputs.some(({ name }) => name === 'list' || name === 'row'))).toBe(false);
    for (const observation of ASKED) expect(await parts.get(observation)).toEqual(await whole.get(observation));
  }
});

it('leaves a model whole whose outputs are of unknown sizes', async () => {
  const model = handMade({
    nodes: [makeNode('NonZero', ['x'], ['at']), makeNode('Cast', ['at'], ['y'], { to: 1 })],
    weights: {},
    inputs: [tensorInfo('x', 'f32', ['n', 8])],
    outputs: [tensorInfo('y', 'f32')],
  });
  const found = await observeRuns(engine, model, [ofValue('y', 'histogram')], [{ x: noise('x', [9, 8]) }], { maxOutputBytes: 4 });
  expect((await found.get(ofValue('y', 'histogram')))?.max).toBe(8);
});
