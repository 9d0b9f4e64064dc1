import { describe, expect, it } from 'vitest';
import { findLayers } from '../../../src/core/find-layers.ts';
import { makeNode, type Node } from '../../../src/core/graph.ts';
import { type FindOptions, findMigrations, readersOf, writersOf } from '../../../src/core/migration/find-migrations.ts';
import { migrate } from '../../../src/core/migration/migrate.ts';
import { randomFor } from '../../../src/core/random.ts';
import { handMade, tensorInfo } from '../../support/hand-made-model.ts';
import { runOn, type TestFeed, written } from '../../support/runtimes.ts';

type Weights = Parameters<typeof handMade>[0]['weights'];

interface Case extends FindOptions {
  readonly about: string;
  readonly x: readonly (number | string)[];
  /** Of the run, where the model leaves sizes open. */
  readonly run?: readonly number[];
  readonly nodes: readonly Node[];
  readonly weights: Weights;
  /** Layers that read channels that get factors, and what gives them, one text for each migration. */
  readonly found: readonly string[];
  readonly opset?: number;
}

const node = makeNode;

/** Multi-head attention of two heads of four, with keys and values of one head if `shared`. */
function attention(shared: boolean): { nodes: Node[]; weights: Weights } {
  const kv = shared ? 1 : 2;
  const spread = (name: string) => [
    node('Unsqueeze', [`${name}t`, 'two'], [`${name}u`]),
    node('Expand', [`${name}u`, 'wide'], [`${name}e`]),
    node('Reshape', [`${name}e`, 'flat'], [`${name}h`]),
  ];
  const heads = (name: string, count: number) => [
    node('MatMul', ['n', `w${name}`], [`${name}0`]),
    node('Reshape', [`${name}0`, `as${count}`], [`${name}1`]),
    node('Transpose', [`${name}1`], [`${name}t`], { perm: [0, 2, 1, 3] }),
  ];
  return {
    nodes: [
      node('LayerNormalization', ['x', 'gamma', 'beta'], ['n'], { axis: -1 }),
      ...heads('q', 2),
      ...heads('k', kv),
      ...heads('v', kv),
      ...(shared ? [...spread('k'), ...spread('v')] : []),
      node('Transpose', [shared ? 'kh' : 'kt'], ['kk'], { perm: [0, 1, 3, 2] }),
      node('MatMul', ['qt', 'kk'], ['scores']),
      node('Softmax', ['scores'], ['p'], { axis: -1 }),
      node('MatMul', ['p', shared ? 'vh' : 'vt'], ['mixed']),
      node('Transpose', ['mixed'], ['turned'], { perm: [0, 2, 1, 3] }),
      node('Reshape', ['turned', 'back'], ['joined']),
      node('MatMul', ['joined', 'wo'], ['out']),
      node('Add', ['x', 'out'], ['y']),
    ],
    weights: {
      gamma: [8],
      beta: [8],
      wq: [8, 8],
      wk: [8, 4 * kv],
      wv: [8, 4 * kv],
      wo: [8, 8],
      as2: [0n, 0n, 2n, 4n],
      ...(shared && { as1: [0n, 0n, 1n, 4n], two: [2n], wide: [1n, 1n, 2n, 1n, 1n], flat: [0n, -1n, 5n, 4n] }),
      back: [0n, 0n, -1n],
    },
  };
}

const CASES: readonly Case[] = [
  {
    about: 'a normalization takes what all its readers get, and values go through attention',
    x: ['batch', 'length', 8],
    run: [2, 5, 8],
    ...attention(false),
    found: ['gamma beta > wq wk wv', 'wv > wo'],
    opset: 17,
  },
  {
    about: 'heads that share values share factors',
    x: ['batch', 5, 8],
    run: [1, 5, 8],
    ...attention(true),
    found: ['gamma beta > wq wk wv', 'wv > wo'],
    opset: 17,
  },
  {
    about: 'a normalization that is spelled out, and the product of a gate',
    x: [2, 3, 6],
    nodes: [
      node('Mul', ['x', 'x'], ['xx']),
      node('ReduceMean', ['xx'], ['m'], { axes: [-1] }),
      node('Sqrt', ['m'], ['r']),
      node('Div', ['x', 'r'], ['n']),
      node('Mul', ['n', 'gamma'], ['scaled']),
      node('MatMul', ['scaled', 'gate'], ['g']),
      node('Sigmoid', ['g'], ['s']),
      node('Mul', ['g', 's'], ['silu']),
      node('MatMul', ['scaled', 'up'], ['u']),
      node('Mul', ['silu', 'u'], ['product']),
      node('MatMul', ['product', 'down'], ['y']),
    ],
    weights: { gamma: [6], gate: [6, 10], up: [6, 10], down: [10, 6] },
    found: ['gamma > gate up', 'up > down'],
  },
  {
    about: 'convolutions, grouped and by channel, biases, pooling, slopes',
    x: [1, 4, 9, 9],
    nodes: [
      node('Conv', ['x', 'first', 'bias'], ['a'], { pads: [1, 1, 1, 1] }),
      node('PRelu', ['a', 'slope'], ['b']),
      node('Conv', ['b', 'depthwise'], ['c'], { group: 8, pads: [1, 1, 1, 1] }),
      node('LeakyRelu', ['c'], ['d']),
      node('MaxPool', ['d'], ['e'], { kernel_shape: [2, 2], strides: [2, 2] }),
      node('Conv', ['e', 'grouped'], ['f'], { group: 2 }),
      node('Relu', ['f'], ['g']),
      node('ConvTranspose', ['g', 'transposed', 'other'], ['h'], { group: 2 }),
      node('Pad', ['h', 'pads'], ['i']),
      node('Conv', ['i', 'last'], ['j']),
      node('GlobalAveragePool', ['j'], ['k']),
      node('Flatten', ['k'], ['l'], { axis: 1 }),
      node('Gemm', ['l', 'dense', 'shift'], ['y'], { transB: 1 }),
    ],
    weights: {
      first: [8, 4, 3, 3],
      bias: [8],
      slope: [8, 1, 1],
      depthwise: [8, 1, 3, 3],
      grouped: [6, 4, 1, 1],
      transposed: [6, 2, 2, 2],
      other: [4],
      pads: [0n, 0n, 1n, 1n, 0n, 0n, 1n, 1n],
      last: [5, 4, 3, 3],
      dense: [3, 5],
      shift: [3],
    },
    found: ['first bias > depthwise', 'depthwise > grouped', 'grouped > transposed', 'transposed other > last', 'last > dense'],
  },
  {
    about: 'a residual stream is one set of channels',
    x: [1, 3, 4, 4],
    nodes: [
      node('Conv', ['x', 'stem'], ['a']),
      node('Conv', ['a', 'one'], ['b']),
      node('Add', ['a', 'b'], ['c']),
      node('Conv', ['c', 'two'], ['d']),
      node('Add', ['c', 'd'], ['e']),
      node('Conv', ['e', 'head'], ['y']),
    ],
    weights: { stem: [4, 3, 1, 1], one: [4, 4, 1, 1], two: [4, 4, 1, 1], head: [2, 4, 1, 1] },
    found: ['stem one two > one two head'],
  },
  {
    about: 'channels are joined, split, cut and flattened with their positions',
    x: [2, 3, 5, 5],
    nodes: [
      node('Conv', ['x', 'left'], ['a']),
      node('Conv', ['x', 'right'], ['b']),
      node('Concat', ['a', 'b'], ['c'], { axis: 1 }),
      node('Conv', ['c', 'both'], ['d']),
      node('Split', ['d'], ['e', 'f'], { axis: 1 }),
      node('Relu', ['e'], ['g']),
      node('Reshape', ['g', 'flat'], ['h']),
      node('Gemm', ['h', 'dense'], ['i']),
      node('Slice', ['f', 'zero', 'two', 'one'], ['j']),
      node('ReduceMean', ['j'], ['k'], { axes: [2, 3], keepdims: 0 }),
      node('MatMul', ['k', 'small'], ['l']),
      node('Add', ['i', 'l'], ['y']),
    ],
    weights: {
      left: [4, 3, 1, 1],
      right: [2, 3, 1, 1],
      both: [6, 6, 1, 1],
      flat: [2n, -1n],
      dense: [75, 3],
      zero: [0n],
      one: [1n],
      two: [2n],
      small: [2, 3],
    },
    found: ['left right > both', 'both > dense', 'both > small'],
  },
  {
    about: 'stacked queries, keys and values are told apart',
    x: [1, 5, 8],
    nodes: [
      node('MatMul', ['x', 'qkv'], ['a']),
      node('Reshape', ['a', 'shape'], ['b']),
      node('Transpose', ['b'], ['c'], { perm: [2, 0, 3, 1, 4] }),
      node('Gather', ['c', 'zero'], ['q'], { axis: 0 }),
      node('Gather', ['c', 'one'], ['k'], { axis: 0 }),
      node('Slice', ['c', 'from', 'to', 'axis'], ['v1']),
      node('Squeeze', ['v1', 'axis'], ['v']),
      node('Transpose', ['k'], ['kt'], { perm: [0, 1, 3, 2] }),
      node('MatMul', ['q', 'kt'], ['s']),
      node('Softmax', ['s'], ['p'], { axis: -1 }),
      node('MatMul', ['p', 'v'], ['o']),
      node('Transpose', ['o'], ['t'], { perm: [0, 2, 1, 3] }),
      node('Reshape', ['t', 'back'], ['r']),
      node('MatMul', ['r', 'out'], ['y']),
    ],
    weights: {
      qkv: [8, 24],
      shape: [0n, 0n, 3n, 2n, 4n],
      zero: scalar('zero', 0n),
      one: scalar('one', 1n),
      from: [2n],
      to: [3n],
      axis: [0n],
      back: [0n, 0n, 8n],
      out: [8, 8],
    },
    found: ['qkv > out'],
  },
  {
    about: 'Clip becomes one for each channel',
    clip: true,
    x: [1, 3, 4, 4],
    nodes: [
      node('Conv', ['x', 'one'], ['a']),
      node('Clip', ['a', 'low', 'high'], ['b']),
      node('Conv', ['b', 'two'], ['c']),
      node('Clip', ['c', 'minus', 'high'], ['d']),
      node('Conv', ['d', 'three'], ['y']),
    ],
    weights: {
      one: [6, 3, 1, 1],
      two: [5, 6, 1, 1],
      three: [2, 5, 1, 1],
      low: float('low', 0),
      high: float('high', 0.1),
      minus: float('minus', -0.05),
    },
    found: ['one > two', 'two > three'],
  },
  {
    about: 'BatchNormalization on either side, a table, a recurrent layer, weights that are turned',
    x: [3, 2, 4],
    nodes: [
      node('Transpose', ['w0'], ['w0t'], { perm: [1, 0] }),
      node('MatMul', ['x', 'w0t'], ['a']),
      node('LSTM', ['a', 'w', 'r'], ['b'], { hidden_size: 3 }),
      node('Squeeze', ['b', 'axis'], ['c']),
      node('Transpose', ['c'], ['d'], { perm: [1, 2, 0] }),
      node('Conv', ['d', 'k'], ['e']),
      node('BatchNormalization', ['e', 'scale', 'shift', 'mean', 'variance'], ['f']),
      node('Relu', ['f'], ['g']),
      node('Conv', ['g', 'k2'], ['y']),
    ],
    weights: {
      w0: [6, 4],
      w: [1, 12, 6],
      r: [1, 12, 3],
      axis: [1n],
      k: [4, 3, 1],
      scale: [4],
      shift: [4],
      mean: [4],
      variance: float('variance', 1, 4),
      k2: [2, 4, 1],
    },
    found: ['w0 > w', 'scale shift > k2'],
  },
  {
    about: 'where nothing takes them, an operator does',
    insert: true,
    x: [2, 4, 4, 4],
    nodes: [
      node('Conv', ['x', 'a'], ['b']),
      node('Sigmoid', ['b'], ['c']),
      node('Conv', ['c', 'd'], ['e']),
      node('Conv', ['c', 'f'], ['g']),
      node('Add', ['e', 'g'], ['y']),
    ],
    weights: { a: [3, 4, 1, 1], d: [2, 3, 1, 1], f: [2, 3, 1, 1] },
    found: ['inserted > a', 'inserted > d f'],
  },
];

describe('factors of channels', () => {
  it.each(CASES)('$about: the model computes the same', async ({ x, run = x as number[], nodes, weights, found, opset, ...options }) => {
    const model = handMade({
      nodes,
      weights,
      inputs: [tensorInfo('x', 'f32', x)],
      outputs: [tensorInfo('y', 'f32')],
      ...(opset && { opset }),
    });
    const { migrations } = await findMigrations(model, await findLayers(model), options);
    const texts = migrations.map((migration) => {
      const constants = migration.parts.filter(({ layer, power }) => !layer && power === -1).map(({ weight }) => weight);
      const givers = [...writersOf(migration).map(({ layer }) => layer.weight.id), ...constants];
      const readers = readersOf(migration).map(({ layer }) => layer.weight.id);
      const order = (ids: readonly string[]) => Object.keys(weights).filter((id) => ids.includes(id));
      return `${migration.inserted ? 'inserted' : order(givers).join(' ')} > ${order(readers).join(' ')}`;
    });
    expect(texts.sort()).toEqual([...found].sort());
    const changed = migrate(
      model,
      migrations.map((migration, i) => {
        const random = randomFor(i, 'factors');
        const factors = Float64Array.from({ length: migration.channels }, () => 4 ** (2 * random() - 1));
        return { migration, factors: async () => factors };
      }),
    );
    const random = randomFor(1, 'x');
    const data = Float32Array.from({ length: run.reduce((a, b) => a * b, 1) }, () => 2 * random() - 1);
    const feeds: Record<string, TestFeed> = { x: { type: 'float32', shape: run, data } };
    const [before, after] = [await runOn('node', await written(model), feeds), await runOn('node', await written(changed), feeds)];
    const largest = Math.max(...Array.from(before.y!, Math.abs));
    for (const [i, value] of Array.from(before.y!).entries()) expect(Math.abs(value - after.y![i]!) / largest).toBeLessThan(1e-5);
    for (const { parts } of migrations) {
      for (const { weight } of parts) {
        const [was, is] = [await model.weights.get(weight)!.load(), await changed.weights.get(weight)?.load()];
        expect(is).not.toEqual(was);
      }
    }
  });
});

function float(id: string, value: number, count?: number) {
  const shape = count === undefined ? [] : [count];
  const bytes = new Uint8Array(new Float32Array(count ?? 1).fill(value).buffer);
  const load = async () => ({ kind: 'dense' as const, dtype: 'f32' as const, shape, bytes });
  return { id, shape, dtype: 'f32' as const, layout: { kind: 'dense' as const, dtype: 'f32' as const }, load };
}

function scalar(id: string, value: bigint) {
  const bytes = new Uint8Array(BigInt64Array.of(value).buffer);
  const load = async () => ({ kind: 'dense' as const, dtype: 'i64' as const, shape: [], bytes });
  return { id, shape: [], dtype: 'i64' as const, layout: { kind: 'dense' as const, dtype: 'i64' as const }, load };
}
