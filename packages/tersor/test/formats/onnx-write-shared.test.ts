import { expect, it } from 'vitest';
import { denseOf } from '../../src/core/decode.ts';
import { type Graph, makeNode, type ValueInfo, type WeightId } from '../../src/core/graph.ts';
import type { Model, Weight } from '../../src/core/model.ts';
import { writeOnnx } from '../../src/formats/onnx/write.ts';
import { openMemory } from '../../src/io/memory-store.ts';
import { runOnnx } from '../support/run-onnx.ts';

const SIZE = 600;
const vector = (name: string): ValueInfo => ({ name, dtype: 'f32', shape: [SIZE] });

/** Always the same values, so that weights differ in nothing but their ids. */
function weight(id: WeightId): Weight {
  const values = Float32Array.from({ length: SIZE }, (_, i) => i / 7);
  return { id, shape: [SIZE], dtype: 'f32', layout: { kind: 'dense', dtype: 'f32' }, load: async () => denseOf(values, [SIZE]) };
}

interface Ids {
  readonly root: Readonly<Record<string, WeightId>>;
  readonly thenBranch: Readonly<Record<string, WeightId>>;
  readonly elseBranch: Readonly<Record<string, WeightId>>;
  /** Names that are inputs with a default as well. */
  readonly fed?: readonly string[];
}

/** y = (c ? x + w : x + k) + w2; the other output is a weight itself. */
function modelOf({ root, thenBranch, elseBranch, fed = [] }: Ids): Model {
  const opsets = new Map([['', 17]]);
  const branch = (operand: string, ids: Readonly<Record<string, WeightId>>): Graph => ({
    name: 'branch',
    opsets,
    values: new Map(),
    inputs: [],
    outputs: [vector('sum')],
    initializers: new Map(Object.entries(ids)),
    nodes: [makeNode('Add', ['x', operand], ['sum'])],
  });
  const graphs = new Map([
    ['then_branch', branch('w', thenBranch)],
    ['else_branch', branch('k', elseBranch)],
  ]);
  const graph: Graph = {
    name: 'g',
    opsets,
    values: new Map(),
    inputs: [vector('x'), { name: 'c', dtype: 'bool', shape: [] }, ...fed.map(vector)],
    outputs: [vector('y'), vector('w3')],
    initializers: new Map(Object.entries(root)),
    nodes: [{ ...makeNode('If', ['c'], ['r']), graphs }, makeNode('Add', ['r', 'w2'], ['y'])],
  };
  const ids = new Set([root, thenBranch, elseBranch].flatMap((names) => Object.values(names)));
  return {
    format: 'onnx',
    meta: { properties: new Map(), producer: '', format: undefined },
    weights: new Map([...ids].map((id) => [id, weight(id)])),
    graph,
    execution: new Map(),
  };
}

async function write(model: Model, externalAbove?: number): Promise<{ bytes: Uint8Array; size: number }> {
  const store = openMemory();
  const { bytes: size } = await writeOnnx(model, store, 'm.onnx', externalAbove === undefined ? {} : { externalAbove });
  await store.commit();
  return { bytes: store.files.get('m.onnx') ?? new Uint8Array(), size };
}

const ALONE: Ids = { root: { w: 'a', w2: 'b', w3: 'c' }, thenBranch: {}, elseBranch: { k: 'd' } };

it.each<[string, Ids, number]>([
  ['names of one graph', { ...ALONE, root: { w: 'a', w2: 'a', w3: 'a' } }, 2],
  ['a name in a branch and one around it', { ...ALONE, root: { w: 'a', w2: 'b', w3: 'a' }, elseBranch: { k: 'b' } }, 2],
  ['the same name in a branch and around it', { ...ALONE, thenBranch: { w: 'a' } }, 4],
  ['names everywhere', { root: { w: 'a', w2: 'a', w3: 'a' }, thenBranch: { w: 'a' }, elseBranch: { k: 'a' } }, 1],
  ['branches alone, which cannot see each other', { root: { w2: 'b', w3: 'c' }, thenBranch: { w: 'a' }, elseBranch: { k: 'a' } }, 4],
  [
    'a default that can be overridden, and others',
    { root: { w: 'a', w2: 'a', w3: 'a' }, thenBranch: {}, elseBranch: { k: 'a' }, fed: ['w2'] },
    2,
  ],
])('a weight shared by %s is stored as often as it must, and the outputs stay', async (_, ids, stored) => {
  const { bytes } = await write(modelOf(ids));
  expect(Math.floor(bytes.length / (4 * SIZE))).toBe(stored);
  const alone = await write(modelOf({ ...ALONE, fed: ids.fed ?? [] }));
  const [found, expected] = [await runOnnx(bytes), await runOnnx(alone.bytes)];
  expect(found.results).toEqual(expected.results);
  expect(found.inputs).toEqual(expected.inputs);
});

it('in external data all names point at the same bytes', async () => {
  const shared: Ids = { root: { w: 'a', w2: 'a', w3: 'a' }, thenBranch: { w: 'a' }, elseBranch: { k: 'a' } };
  const { bytes, size } = await write(modelOf(shared), 0);
  expect(size - bytes.length).toBe(4 * SIZE);
});
