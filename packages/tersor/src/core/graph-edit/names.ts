import type { Graph } from '../graph.ts';
import { renameValues } from './rename.ts';

/** Names that this graph itself defines: its inputs, its initializers, what its nodes compute. Subgraphs are not entered. */
export function* definedIn(graph: Graph): Generator<string> {
  for (const { name } of graph.inputs) yield name;
  yield* graph.initializers.keys();
  for (const node of graph.nodes) {
    for (const output of node.outputs) if (output !== '') yield output;
  }
}

/** Every name that the graph or a graph inside it defines or mentions. */
function namesIn(graph: Graph, names = new Set<string>()): Set<string> {
  for (const name of definedIn(graph)) names.add(name);
  for (const { name } of graph.outputs) names.add(name);
  for (const node of graph.nodes) {
    for (const input of node.inputs) names.add(input);
    for (const inner of node.graphs.values()) namesIn(inner, names);
  }
  return names;
}

/** `base`, or `base` with a number behind it: a name that is not among the keys of `taken`, which it joins. */
export function freshName(taken: Map<string, number>, base: string): string {
  let name = base;
  for (let i = 1; taken.has(name); i++) name = `${base}_${i}`;
  taken.set(name, 1);
  return name;
}

/**
 * The same graph where no subgraph defines a name that it could also see from outside. The specification asks for that, files do not
 * always comply, and edits are only safe when a name means one thing. Returns `graph` itself when it complies already.
 */
export function withUniqueNames(graph: Graph): Graph {
  if (!graph.nodes.some((node) => node.graphs.size > 0)) return graph;
  const taken = new Map([...namesIn(graph)].map((name) => [name, 1]));
  const visit = (inner: Graph, visible: ReadonlySet<string>): Graph => {
    const clashes = new Set([...definedIn(inner)].filter((name) => visible.has(name)));
    const clear = clashes.size === 0 ? inner : renameValues(inner, new Map([...clashes].map((name) => [name, freshName(taken, name)])));
    if (!clear.nodes.some((node) => node.graphs.size > 0)) return clear;
    const seen = new Set([...visible, ...definedIn(clear)]);
    const nodes = clear.nodes.map((node) => {
      const graphs = new Map([...node.graphs].map(([key, body]) => [key, visit(body, seen)]));
      return [...graphs].every(([key, body]) => body === node.graphs.get(key)) ? node : { ...node, graphs };
    });
    return nodes.every((node, i) => node === clear.nodes[i]) ? clear : { ...clear, nodes };
  };
  return visit(graph, new Set());
}
