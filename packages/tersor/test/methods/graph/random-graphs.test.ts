import fc from 'fast-check';
import { expect, it } from 'vitest';
import { makeNode, type Node } from '../../../src/core/graph.ts';
import { vectorWeight } from '../../../src/core/graph-edit/scale-weight.ts';
import type { Model, Weight } from '../../../src/core/model.ts';
import clean from '../../../src/methods/graph/clean.ts';
import { graphOf, handMade, randomWeight, tensorInfo } from '../../support/hand-made-model.ts';
import { expectSame, feed, graphContext } from '../../support/run-both.ts';

/** Every value has the shape [n, 4, 5, 5], so that any operator can follow any other. */
const SHAPE = ['n', 4, 5, 5];

const vector = (id: string, values: readonly number[]): Weight =>
  vectorWeight(id, 'f32', values.length, async () => Float64Array.from(values));
const perChannel = (id: string, values: readonly number[]): Weight => {
  const weight = vector(id, values);
  const shape = [4, 1, 1];
  return { ...weight, shape, load: async () => ({ ...(await weight.load()), shape }) };
};
const boolean = (id: string, value: number): Weight => ({
  id,
  shape: [1],
  dtype: 'bool',
  layout: { kind: 'dense', dtype: 'bool' },
  load: async () => ({ kind: 'dense', dtype: 'bool', shape: [1], bytes: Uint8Array.of(value) }),
});

/** Few, so that operators share them. */
const WEIGHTS: Readonly<Record<string, Weight | bigint[]>> = {
  k1: randomWeight('k1', [4, 4, 3, 3]),
  k2: randomWeight('k2', [4, 2, 1, 1]),
  t1: randomWeight('t1', [4, 4, 3, 3]),
  bias: vector('bias', [1, -1, 0.5, 0]),
  gamma: vector('gamma', [1, 2, 0.5, -1]),
  mean: vector('mean', [0, 0.1, -0.2, 0.3]),
  variance: vector('variance', [1, 0.5, 2, 0.7]),
  zero: vector('zero', [0]),
  one: vector('one', [1]),
  twin: vector('twin', [1]),
  half: vector('half', [0.5]),
  channels: perChannel('channels', [0.5, 1, 2, -1]),
  'if/then/k': randomWeight('if/then/k', [4, 4, 1, 1]),
  'if/else/k': randomWeight('if/else/k', [4, 4, 1, 1]),
  yes: boolean('yes', 1),
  no: boolean('no', 0),
  i0: [0n],
  i1: [1n],
  i25: [25n],
  i5: [5n],
  minus: [-1n],
  huge: [2n ** 62n],
};

type Step = { readonly kind: number; readonly from: number; readonly other: number; readonly pick: number };

/** The nodes that make `name` of one or two values; other names they make start with it. */
function nodesOf({ kind, pick }: Step, a: string, b: string, name: string): Node[] {
  const choose = <T>(...options: readonly T[]): T => options[pick % options.length]!;
  const constant = choose('zero', 'one', 'twin', 'half', 'channels');
  switch (kind) {
    case 0:
      return [makeNode(choose('Relu', 'Identity', 'Dropout', 'Neg', 'Tanh'), [a], [name])];
    case 1:
      return [makeNode('Conv', choose([a, 'k1'], [a, 'k1', 'bias']), [name], { pads: [1, 1, 1, 1] })];
    case 2:
      return [makeNode('Conv', [a, 'k2'], [name], { group: 2 })];
    case 3:
      return [makeNode('ConvTranspose', [a, 't1', 'bias'], [name], { pads: [1, 1, 1, 1] })];
    case 4:
      return [makeNode('BatchNormalization', [a, 'gamma', 'bias', 'mean', 'variance'], [name])];
    case 5:
      return [makeNode(choose('Add', 'Mul', 'Sub'), [a, constant], [name])];
    case 6:
      return [makeNode(choose('Add', 'Mul', 'Sub'), [constant, a], [name])];
    case 7:
      return [makeNode('Add', [a, b], [name])];
    case 8:
      return [
        makeNode('Transpose', [a], [`${name}t`], { perm: [0, 3, 1, 2] }),
        makeNode('Transpose', [`${name}t`], [name], { perm: choose([0, 2, 3, 1], [0, 2, 1, 3]) }),
      ];
    case 9:
      return [makeNode('Shape', [a], [`${name}s`]), makeNode('Reshape', [a, `${name}s`], [name])];
    case 10:
      return [
        makeNode('Mul', ['i5', 'i5'], [`${name}m`]),
        makeNode('Concat', ['i0', 'minus', `${name}m`], [`${name}c`], { axis: 0 }),
        makeNode('Reshape', [a, `${name}c`], [`${name}f`]),
        makeNode('Shape', [b], [`${name}s`]),
        makeNode('Reshape', [`${name}f`, `${name}s`], [name]),
      ];
    case 11:
      return [makeNode('Slice', [a, 'i0', 'huge', choose('i1', 'minus')], [name])];
    case 12:
      return [makeNode('Unsqueeze', [a, 'i1'], [`${name}u`]), makeNode('Squeeze', [`${name}u`, choose('i1', 'i1')], [name])];
    default: {
      const body = (key: string, nodes: Node[]) =>
        graphOf({
          nodes: [...nodes, makeNode('Conv', [nodes.at(-1)?.outputs[0] ?? a, 'k'], ['r'])],
          outputs: [tensorInfo('r', 'f32')],
          initializers: [`if/${key}/k`],
        });
      const then = body('then', [makeNode('Identity', [a], ['p'])]);
      const otherwise = body('else', [makeNode('Mul', [b, 'half'], ['p']), makeNode('Add', ['p', 'zero'], ['q'])]);
      return [
        {
          ...makeNode('If', [choose('flag', 'yes', 'no')], [name]),
          graphs: new Map([
            ['then_branch', then],
            ['else_branch', otherwise],
          ]),
        },
      ];
    }
  }
}

function build(steps: readonly Step[], outputs: readonly number[]): Model {
  const values = ['x'];
  const nodes = steps.flatMap((step, i) => {
    const made = nodesOf(step, values[step.from % values.length]!, values[step.other % values.length]!, `v${i}`);
    values.push(`v${i}`);
    return made;
  });
  const names = new Set([values.at(-1)!, ...outputs.map((i) => values[1 + (i % (values.length - 1))]!)]);
  return handMade({
    nodes,
    weights: WEIGHTS,
    inputs: [tensorInfo('x', 'f32', SHAPE), tensorInfo('flag', 'bool', [1])],
    outputs: [...names].map((name) => tensorInfo(name, 'f32')),
    opset: 14,
  });
}

const small = fc.nat({ max: 30 });
const step = fc.record({ kind: fc.nat({ max: 13 }), from: small, other: small, pick: small });

it('random graphs compute the same after clean-up, which is complete, and never larger', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 12 }),
      fc.array(small, { maxLength: 2 }),
      fc.nat({ max: 1 }),
      async (steps, outputs, flag) => {
        const model = build(steps, outputs);
        const result = await clean.apply(model, { large: true }, graphContext());
        await expectSame(model, result, { x: feed([2, 4, 5, 5]), flag: { type: 'bool', shape: [1], data: Uint8Array.of(flag) } });
        expect(await clean.apply(result, { large: true }, graphContext())).toBe(result);
      },
    ),
    { numRuns: Number(process.env.TERSOR_TEST_RUNS ?? 40), seed: Number(process.env.TERSOR_TEST_SEED ?? 1) },
  );
}, 600_000);
