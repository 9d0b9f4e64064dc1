import type { Graph, Node } from '../core/graph.ts';

/** What runtimes do not compute when they load a model: these decode weights where they are used, or make numbers up. */
const NOT_FOLDED = new Set([
  'DequantizeLinear',
  'QuantizeLinear',
  'RandomNormal',
  'RandomUniform',
  'RandomNormalLike',
  'RandomUniformLike',
  'Multinomial',
  'Bernoulli',
]);

/** The values of a graph that follow from weights alone. */
export function constantsOf(graph: Graph, outside: (name: string) => boolean): ReadonlySet<string> {
  const inputs = new Set(graph.inputs.map(({ name }) => name));
  const constants = new Set([...graph.initializers.keys()].filter((name) => !inputs.has(name)));
  const isConstant = (name: string) => name === '' || constants.has(name) || (!inputs.has(name) && outside(name));
  for (const node of graph.nodes) {
    if (isFolded(node) && node.inputs.every(isConstant)) for (const name of node.outputs) constants.add(name);
  }
  return constants;
}

function isFolded({ op, domain, inputs, graphs }: Node): boolean {
  return domain === '' && graphs.size === 0 && inputs.some((name) => name !== '') && !NOT_FOLDED.has(op);
}
