import type { Graph, Node, ValueInfo, WeightId } from '../core/graph.ts';
import { inferTypes } from '../core/infer-types.ts';
import type { Layer } from '../core/layers.ts';
import { type Model, withGraph } from '../core/model.ts';

/** One operator, as a model of its own: whatever else it reads is an input. */
export interface Alone {
  readonly model: Model;
  readonly inputs: readonly string[];
  /** Equal for operators that take the same time: what they do, and to weights of which shapes. */
  readonly signature: string;
  /** How many layers the operator multiplies by: what it takes is theirs together. */
  readonly layers: number;
}

/** The first operator that uses `layer`; undefined where it does not read the weight itself, or lies in a branch. */
export function alone(model: Model, layer: Layer, isLayer: (id: WeightId) => boolean): Alone | undefined {
  const [use] = layer.uses;
  const { graph } = model;
  if (!graph || !use?.direct || !graph.nodes.includes(use.node)) return undefined;
  const { node } = use;
  const initializers = new Map(
    node.inputs.flatMap((name) => (graph.initializers.has(name) ? [[name, graph.initializers.get(name)!] as const] : [])),
  );
  const types = inferTypes(graph, model.weights).get(graph);
  const info = (name: string): ValueInfo => {
    const dtype = types?.typeOf(name);
    return { name, ...(dtype && { dtype }) };
  };
  const inputs = [...new Set(node.inputs.filter((name) => name !== '' && !initializers.has(name)))];
  const tiny: Graph = {
    ...graph,
    nodes: [node],
    inputs: inputs.map(info),
    outputs: node.outputs.filter((name) => name !== '').map(info),
    values: new Map(),
    initializers,
  };
  return {
    model: withGraph(model, tiny),
    inputs,
    signature: signatureOf(node, initializers, model),
    layers: [...initializers.values()].filter(isLayer).length,
  };
}

function signatureOf(node: Node, initializers: ReadonlyMap<string, WeightId>, model: Model): string {
  const attributes = [...node.attributes].map(([name, { kind, value }]) => `${name}=${kind === 'tensor' ? 'tensor' : String(value)}`);
  const operands = node.inputs.map((name) => {
    const weight = model.weights.get(initializers.get(name) ?? '');
    return weight ? `${weight.dtype} ${weight.shape.join('x')}` : '';
  });
  return [node.domain, node.op, attributes.sort().join(), operands.join()].join(' ');
}
