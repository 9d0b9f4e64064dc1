import type { Graph, Node } from '../graph.ts';
import { readBy } from './uses.ts';

/** Outputs that may be left out when nobody reads them, by operator: from this position on. */
const OPTIONAL_OUTPUTS: Readonly<Record<string, number>> = { Dropout: 1, MaxPool: 1, LayerNormalization: 1, LSTM: 0, GRU: 0, RNN: 0 };

/**
 * The graph without nodes, optional outputs, initializers and type statements that nothing needs, in subgraphs too. Inputs and outputs
 * stay, and so do initializers that are the default of an input. Returns `graph` itself when there is nothing to remove.
 */
export function removeDead(graph: Graph): Graph {
  const needed = new Set(graph.outputs.map(({ name }) => name));
  const inputs = new Set(graph.inputs.map(({ name }) => name));
  const nodes: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    // A node without outputs can only be there for an effect, so it stays.
    if (node.outputs.length > 0 && !node.outputs.some((output) => needed.has(output))) continue;
    const alive = withoutDeadParts(node, needed);
    for (const name of readBy(alive)) needed.add(name);
    nodes.push(alive);
  }
  nodes.reverse();
  const initializers = new Map([...graph.initializers].filter(([name]) => needed.has(name) || inputs.has(name)));
  const present = new Set([...nodes.flatMap((node) => node.outputs), ...inputs, ...initializers.keys()]);
  const values = new Map([...graph.values].filter(([name]) => present.has(name)));
  const same = nodes.length === graph.nodes.length && nodes.every((node, i) => node === graph.nodes[i]);
  if (same && initializers.size === graph.initializers.size && values.size === graph.values.size) return graph;
  return { ...graph, nodes: same ? graph.nodes : nodes, initializers, values };
}

function withoutDeadParts(node: Node, needed: ReadonlySet<string>): Node {
  const graphs = new Map([...node.graphs].map(([key, inner]) => [key, removeDead(inner)]));
  const sameGraphs = [...graphs].every(([key, inner]) => inner === node.graphs.get(key));
  const outputs = withoutDeadOutputs(node, needed);
  return sameGraphs && outputs === node.outputs ? node : { ...node, outputs, graphs };
}

function withoutDeadOutputs({ op, domain, outputs }: Node, needed: ReadonlySet<string>): readonly string[] {
  const optional = domain === '' ? OPTIONAL_OUTPUTS[op] : undefined;
  if (optional === undefined || !outputs.some((name, i) => i >= optional && name !== '' && !needed.has(name))) return outputs;
  const kept = outputs.map((name, i) => (i < optional || needed.has(name) ? name : ''));
  return kept.slice(0, kept.findLastIndex((name) => name !== '') + 1);
}
