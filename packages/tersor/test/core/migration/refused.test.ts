import { describe, expect, it } from 'vitest';
import { findLayers } from '../../../src/core/find-layers.ts';
import { type Node, makeNode as node } from '../../../src/core/graph.ts';
import { findMigrations } from '../../../src/core/migration/find-migrations.ts';
import { migrate } from '../../../src/core/migration/migrate.ts';
import { handMade, tensorInfo } from '../../support/hand-made-model.ts';

type Weights = Parameters<typeof handMade>[0]['weights'];

const REFUSED: readonly { about: string; x: readonly number[]; nodes: readonly Node[]; weights: Weights; id: string; says: string }[] = [
  {
    about: 'the input of the model',
    x: [1, 3],
    nodes: [node('MatMul', ['x', 'w'], ['y'])],
    weights: { w: [3, 2] },
    id: 'w',
    says: 'x comes from outside of the graph',
  },
  {
    about: 'an output of the model',
    x: [1, 3],
    nodes: [node('MatMul', ['x', 'v'], ['y']), node('MatMul', ['y', 'w'], ['z'])],
    weights: { v: [3, 3], w: [3, 2] },
    id: 'w',
    says: 'is an output of its graph',
  },
  {
    about: 'what is not homogeneous',
    x: [1, 3],
    nodes: [node('MatMul', ['x', 'v'], ['a']), node('Tanh', ['a'], ['b']), node('MatMul', ['b', 'w'], ['y'])],
    weights: { v: [3, 3], w: [3, 2] },
    id: 'w',
    says: 'Tanh lets no factors pass',
  },
  {
    about: 'a weight of several operators',
    x: [1, 3],
    nodes: [node('MatMul', ['x', 'w'], ['a']), node('Relu', ['a'], ['b']), node('MatMul', ['b', 'w'], ['y'])],
    weights: { w: [3, 3] },
    id: 'w',
    says: 'w is shared by several operators',
  },
  {
    about: 'another reader that is normalized',
    x: [1, 3],
    nodes: [
      node('LayerNormalization', ['x', 'gamma'], ['n'], { axis: -1 }),
      node('MatMul', ['n', 'w'], ['a']),
      node('Add', ['n', 'a'], ['b']),
      node('LayerNormalization', ['b', 'gamma'], ['y'], { axis: -1 }),
    ],
    weights: { gamma: [3], w: [3, 3] },
    id: 'w',
    says: 'it is normalized by all channels together',
  },
  {
    about: 'Clip',
    x: [1, 3, 2, 2],
    nodes: [node('Conv', ['x', 'v'], ['a']), node('Clip', ['a', 'low'], ['b']), node('Conv', ['b', 'w'], ['y'])],
    weights: { v: [3, 3, 1, 1], w: [3, 3, 1, 1], low: float('low', 0) },
    id: 'w',
    says: 'Clip has bounds that would have to be one for each channel',
  },
  {
    about: 'a cast to integers',
    x: [1, 3],
    nodes: [
      node('MatMul', ['x', 'v'], ['a']),
      node('Cast', ['a'], ['i'], { to: 6 }),
      node('Cast', ['i'], ['b'], { to: 1 }),
      node('MatMul', ['b', 'w'], ['y']),
    ],
    weights: { v: [3, 3], w: [3, 2] },
    id: 'w',
    says: 'Cast rounds it',
  },
];

describe('no factors', () => {
  it.each(REFUSED)('$about', async ({ x, nodes, weights, id, says }) => {
    const model = handMade({ nodes, weights, inputs: [tensorInfo('x', 'f32', x)], outputs: [tensorInfo('y', 'f32')], opset: 17 });
    const { refused } = await findMigrations(model, await findLayers(model));
    expect(refused.get(id)).toBe(says);
  });

  it('constants that others use are copied, and stay', async () => {
    const nodes = [
      node('LayerNormalization', ['x', 'gamma'], ['n'], { axis: -1 }),
      node('MatMul', ['n', 'w'], ['a']),
      node('LayerNormalization', ['a', 'gamma'], ['y'], { axis: -1 }),
    ];
    const weights = { gamma: [3], w: [3, 3] };
    const model = handMade({ nodes, weights, inputs: [tensorInfo('x', 'f32', [1, 3])], outputs: [tensorInfo('y', 'f32')], opset: 17 });
    const { migrations } = await findMigrations(model, await findLayers(model));
    const changed = migrate(
      model,
      migrations.map((migration) => ({ migration, factors: async () => Float64Array.of(1, 2, 4) })),
    );
    expect(changed.weights.get('gamma')).toBe(model.weights.get('gamma'));
    expect([...changed.weights.keys()]).toEqual(['gamma', 'w', 'gamma_1']);
  });
});

function float(id: string, value: number) {
  const shape: number[] = [];
  const bytes = new Uint8Array(Float32Array.of(value).buffer);
  const load = async () => ({ kind: 'dense' as const, dtype: 'f32' as const, shape, bytes });
  return { id, shape, dtype: 'f32' as const, layout: { kind: 'dense' as const, dtype: 'f32' as const }, load };
}
