import { expect, it } from 'vitest';
import { sparingUnreached } from '../../src/compress/unreached.ts';
import { type Graph, makeNode, type Node } from '../../src/core/graph.ts';
import type { Layer } from '../../src/core/layers.ts';
import type { Layout } from '../../src/core/layout.ts';
import { int } from '../../src/numeric/int.ts';
import type { Option } from '../../src/search/candidates.ts';

const graphOf = (nodes: readonly Node[]): Graph => ({
  name: '',
  nodes,
  inputs: [],
  outputs: [],
  values: new Map(),
  initializers: new Map(),
  opsets: new Map([['', 17]]),
});
const product = (name: string) => makeNode('MatMul', ['x', name], [`${name}:y`]);
const nodes = { root: product('root'), taken: product('taken'), other: product('other'), both: product('both') };
const branches = {
  ...makeNode('If', ['flag'], ['y']),
  name: 'if',
  graphs: new Map([
    ['then_branch', graphOf([nodes.taken])],
    ['else_branch', graphOf([nodes.other])],
  ]),
};
const graph = graphOf([nodes.root, branches]);

const affine = (bits: 2 | 8): Layout => ({
  kind: 'affine',
  numeric: int(bits),
  outputs: [1],
  block: 'row',
  scale: { kind: 'dense', dtype: 'f16' },
});

function rowOf(id: string, uses: readonly Node[]): Option[] {
  const dense: Layout = { kind: 'dense', dtype: 'f32' };
  const weightOf = (layout: Layout) => ({
    id,
    shape: [4, 4],
    dtype: 'f32' as const,
    layout,
    load: () => Promise.reject(new Error('not loaded')),
  });
  const layer = {
    weight: weightOf(dense),
    uses: uses.map((node) => ({ node, input: 1, kind: 'linear', outputAxes: [1], direct: true, wholeRows: true })),
  } as unknown as Layer;
  const make = (layout: Layout, bytes: number, bits?: number): Option => ({
    layer,
    bytes,
    error: 0,
    weight: weightOf(layout),
    ...(bits !== undefined && { steps: [{ use: 'rtn', bits }] }),
  });
  return [make(dense, 64), make(affine(2), 8, 2), make(affine(8), 20, 8)];
}

const rows = [
  rowOf('root', [nodes.root]),
  rowOf('taken', [nodes.taken]),
  rowOf('other', [nodes.other]),
  rowOf('both', [nodes.root, nodes.other]),
];
const loses =
  (...ids: string[]) =>
  async (chosen: readonly Option[]) =>
    chosen.some(({ steps, layer }) => steps && ids.includes(layer.weight.id)) ? 0.1 : 0;

it('gives layers of a branch that no sample takes 8 bits or more', async () => {
  const { rows: spared, unreached } = await sparingUnreached(graph, rows, loses('root', 'taken'));
  expect(unreached).toEqual([rows[2]]);
  expect(spared.map((row) => row.length)).toEqual([3, 3, 2, 3]);
  expect(spared[2]!.map(({ steps }) => steps?.[0]?.bits)).toEqual([undefined, 8]);
});

it('asks nothing where there are no branches, or no layer of one could be hurt', async () => {
  const never = () => Promise.reject(new Error('asked'));
  expect((await sparingUnreached(graphOf([nodes.root]), rows.slice(0, 1), never)).unreached).toEqual([]);
  const gentle = rows.map((row) => row.filter(({ bytes }) => bytes > 8));
  expect((await sparingUnreached(graph, gentle, never)).rows).toEqual(gentle);
});
