import { expect, it } from 'vitest';
import { denseOf } from '../../src/core/decode.ts';
import { elementsOf } from '../../src/core/dtype.ts';
import { findLayers } from '../../src/core/find-layers.ts';
import { type Graph, makeNode } from '../../src/core/graph.ts';
import type { Model, Weight } from '../../src/core/model.ts';
import { probeOf } from '../../src/search/probe.ts';

const weight = (id: string, shape: readonly number[]): Weight => ({
  id,
  shape,
  dtype: 'f32',
  layout: { kind: 'dense', dtype: 'f32' },
  load: async () => denseOf(new Float32Array(elementsOf(shape)), shape),
});

const graph = (rest: Partial<Graph>): Graph => ({
  name: 'g',
  nodes: [],
  inputs: [],
  outputs: [],
  values: new Map(),
  initializers: new Map(),
  opsets: new Map([['', 13]]),
  ...rest,
});

const branch = (id: string) => graph({ nodes: [makeNode('MatMul', ['x', 'W'], ['y'])], initializers: new Map([['W', id]]) });

function model(): Model {
  const choice = {
    ...makeNode('If', ['which'], ['z']),
    graphs: new Map([
      ['then_branch', branch('z/then_branch/W')],
      ['else_branch', branch('z/else_branch/W')],
    ]),
  };
  const root = graph({
    nodes: [makeNode('MatMul', ['x', 'a'], ['h']), makeNode('Add', ['h', 'bias'], ['k']), makeNode('MatMul', ['k', 'tied'], ['m']), choice],
    inputs: [{ name: 'x', dtype: 'f32', shape: [1, 4] }],
    initializers: new Map([
      ['a', 'a'],
      ['tied', 'a'],
      ['bias', 'bias'],
    ]),
  });
  const weights = [weight('a', [4, 4]), weight('bias', [4]), weight('z/then_branch/W', [4, 2]), weight('z/else_branch/W', [4, 3])];
  return {
    format: 'onnx',
    meta: { properties: new Map(), producer: '', format: undefined },
    weights: new Map(weights.map((w) => [w.id, w])),
    graph: root,
    execution: new Map(),
  };
}

it('makes weights inputs, of branches and under second names too, and leaves the others', async () => {
  const before = model();
  const probe = probeOf(
    before,
    (await findLayers(before)).filter(({ weight: { id } }) => id !== 'bias'),
  );
  const { graph: root, weights } = probe.model;
  expect(root?.inputs.map(({ name, shape }) => [name, shape])).toEqual([
    ['x', [1, 4]],
    ['a', [4, 4]],
    [probe.inputs.get('z/then_branch/W'), [4, 2]],
    [probe.inputs.get('z/else_branch/W'), [4, 3]],
  ]);
  expect(new Set(probe.inputs.values()).size).toBe(3);
  expect([...weights.keys()]).toEqual(['bias']);
  expect(root?.nodes[0]).toMatchObject({ op: 'Identity', inputs: ['a'], outputs: ['tied'] });
  const inner = root?.nodes.at(-1)?.graphs.get('then_branch');
  expect(inner?.nodes[0]).toMatchObject({ op: 'Identity', inputs: [probe.inputs.get('z/then_branch/W')], outputs: ['W'] });
  expect(inner?.initializers.size).toBe(0);
});

it('leaves an empty question alone', () => {
  const before = model();
  expect(probeOf(before, []).model.graph?.inputs).toEqual(before.graph?.inputs);
});

it('gives layers a switch that rounds what they read, once for all that read it', async () => {
  const before = model();
  const layers = (await findLayers(before)).filter(({ weight: { id } }) => id === 'a');
  const { model: probe, switches } = probeOf(before, layers, new Set(['a']));
  const flag = switches.get('a');
  expect(probe.graph?.inputs.at(-1)).toEqual({ name: flag, dtype: 'bool', shape: [] });
  const ops = probe.graph?.nodes.map(({ op }) => op);
  expect(ops).toEqual([
    'Identity',
    ...['DynamicQuantizeLinear', 'DequantizeLinear', 'Where', 'MatMul'],
    'Add',
    ...['DynamicQuantizeLinear', 'DequantizeLinear', 'Where', 'MatMul'],
    'If',
  ]);
  const where = probe.graph?.nodes[3];
  expect(where?.inputs).toEqual([flag, 'x:rounded', 'x']);
  expect(probe.graph?.nodes[4]?.inputs[0]).toBe(where?.outputs[0]);
});

it('gives no switches where the opset has no operator that rounds', async () => {
  const before = model();
  const old = { ...before, graph: { ...before.graph!, opsets: new Map([['', 10]]) } };
  const layers = (await findLayers(old)).filter(({ weight: { id } }) => id === 'a');
  const { model: probe, inputs, switches } = probeOf(old, layers, new Set(['a']));
  expect([inputs.size, switches.size]).toEqual([1, 0]);
  expect(probe.graph?.nodes.map(({ op }) => op)).toEqual(['Identity', 'MatMul', 'Add', 'MatMul', 'If']);
});
