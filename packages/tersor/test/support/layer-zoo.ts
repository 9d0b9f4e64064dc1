import { makeNode, type Node } from '../../src/core/graph.ts';
import type { Model } from '../../src/core/model.ts';
import { randomFor } from '../../src/core/random.ts';
import { graphOf, handMade, tensorInfo } from './hand-made-model.ts';
import type { TestFeed } from './runtimes.ts';

const SHAPES = {
  matmul: [40, 24],
  gemm: [24, 40],
  'gemm.bias': [24],
  batched: [2, 40, 9],
  first: [5, 3],
  conv: [6, 3, 3, 3],
  grouped: [6, 2, 3, 3],
  depthwise: [6, 1, 3, 3],
  transposed: [6, 5, 2, 2],
  'transposed.grouped': [6, 2, 2, 2],
  'lstm.w': [1, 28, 40],
  'lstm.r': [1, 28, 7],
  embedding: [11, 35],
  tied: [13, 64],
  'if/inner': [40, 16],
};

/** Every kind of layer once, each with an output of its own, in a graph that runs. Lengths are such that few divide by a block. */
export function layerZoo(opset = 13): Model {
  const branch = (name: string, nodes: Node[], initializers: string[] = []) =>
    graphOf({ nodes, initializers, outputs: [tensorInfo(name, 'f32')], opset });
  const choice: Node = {
    ...makeNode('If', ['which'], ['chosen']),
    graphs: new Map([
      ['then_branch', branch('then', [makeNode('MatMul', ['x', 'inner'], ['then'])], ['if/inner'])],
      ['else_branch', branch('else', [makeNode('MatMul', ['x', 'matmul'], ['else'])])],
    ]),
  };
  const nodes = [
    makeNode('MatMul', ['x', 'matmul'], ['y.matmul']),
    makeNode('Gemm', ['x', 'gemm', 'gemm.bias'], ['y.gemm'], { transB: 1 }),
    makeNode('MatMul', ['x', 'batched'], ['y.batched']),
    makeNode('MatMul', ['first', 'x'], ['y.first']),
    makeNode('Conv', ['picture', 'conv'], ['y.conv'], { pads: [1, 1, 1, 1] }),
    makeNode('Conv', ['y.conv', 'grouped'], ['y.grouped'], { group: 3 }),
    makeNode('Conv', ['y.conv', 'depthwise'], ['y.depthwise'], { group: 6 }),
    makeNode('ConvTranspose', ['y.conv', 'transposed'], ['y.transposed']),
    makeNode('ConvTranspose', ['y.conv', 'transposed.grouped'], ['y.transposed.grouped'], { group: 2 }),
    makeNode('LSTM', ['sequence', 'lstm.w', 'lstm.r'], ['y.lstm'], { hidden_size: 7 }),
    makeNode('Gather', ['embedding', 'ids'], ['y.embedding']),
    makeNode('Gather', ['tied', 'ids'], ['y.tied']),
    makeNode('Transpose', ['tied'], ['tied.transposed'], { perm: [1, 0] }),
    makeNode('MatMul', ['y.tied', 'tied.transposed'], ['y.logits']),
    choice,
  ];
  const outputs = [...nodes.flatMap((node) => node.outputs).filter((name) => name.startsWith('y.')), 'chosen'].map((name) =>
    tensorInfo(name, 'f32'),
  );
  return handMade({
    nodes,
    weights: SHAPES,
    inputs: [
      tensorInfo('x', 'f32', [3, 40]),
      tensorInfo('picture', 'f32', [1, 3, 5, 5]),
      tensorInfo('sequence', 'f32', [4, 1, 40]),
      tensorInfo('ids', 'i64', [2, 3]),
      tensorInfo('which', 'bool', []),
    ],
    outputs,
    opset,
  });
}

export function zooFeeds(which: boolean): Record<string, TestFeed> {
  return {
    x: floats('x', [3, 40]),
    picture: floats('picture', [1, 3, 5, 5]),
    sequence: floats('sequence', [4, 1, 40]),
    ids: { type: 'int64', shape: [2, 3], data: BigInt64Array.of(0n, 10n, 3n, -1n, 7n, 3n) },
    which: { type: 'bool', shape: [], data: Uint8Array.of(which ? 1 : 0) },
  };
}

export function floats(name: string, shape: readonly number[]): TestFeed {
  const random = randomFor(5, name);
  return { type: 'float32', shape, data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random() * 2 - 1) };
}
