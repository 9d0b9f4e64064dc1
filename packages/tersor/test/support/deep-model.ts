import { denseOf } from '../../src/core/decode.ts';
import { elementsOf } from '../../src/core/dtype.ts';
import { type Graph, makeNode, type Node } from '../../src/core/graph.ts';
import type { Model, Weight } from '../../src/core/model.ts';
import { randomFor } from '../../src/core/random.ts';

/** Width of every layer of `deepModel`. */
export const WIDTH = 48;

/** A chain of `depth` residual layers, x + tanh(x · W), whose first weight is used once more at its end. */
export function deepModel(depth: number): Model {
  const nodes: Node[] = [];
  const initializers = new Map<string, string>();
  for (let layer = 0; layer < depth; layer++) {
    const [input, output] = [`x${layer}`, `x${layer + 1}`];
    initializers.set(`w${layer}`, `w${layer}`);
    nodes.push(
      makeNode('MatMul', [input, `w${layer}`], [`m${layer}`]),
      makeNode('Tanh', [`m${layer}`], [`t${layer}`]),
      makeNode('Add', [input, `t${layer}`], [output]),
    );
  }
  initializers.set('again', 'w0');
  nodes.push(makeNode('MatMul', [`x${depth}`, 'again'], ['y']));
  const graph: Graph = {
    name: 'deep',
    opsets: new Map([['', 13]]),
    inputs: [{ name: 'x0', dtype: 'f32', shape: ['batch', WIDTH] }],
    outputs: [{ name: 'y', dtype: 'f32', shape: ['batch', WIDTH] }],
    values: new Map(),
    initializers,
    nodes,
  };
  const weights = new Map(Array.from({ length: depth }, (_, layer) => [`w${layer}`, weightOf(`w${layer}`)]));
  return { format: 'onnx', meta: { properties: new Map(), producer: 'test', format: undefined }, weights, graph, execution: new Map() };
}

function weightOf(id: string): Weight {
  const shape = [WIDTH, WIDTH];
  return {
    id,
    shape,
    dtype: 'f32',
    layout: { kind: 'dense', dtype: 'f32' },
    load: async () => {
      const random = randomFor(3, id);
      return denseOf(
        Float32Array.from({ length: elementsOf(shape) }, () => ((random() + random() + random() - 1.5) * 2) / Math.sqrt(WIDTH)),
        shape,
      );
    },
  };
}
