import type { Graph, Node, ValueInfo } from '../graph.ts';

/** New names by old ones. */
export type Names = ReadonlyMap<string, string>;

/**
 * The graph with values renamed wherever they are defined or mentioned, in subgraphs too. Where several values get one name, the caller
 * has removed all but one definition. Expects unique names (`withUniqueNames`).
 */
export function renameValues(graph: Graph, names: Names): Graph {
  if (names.size === 0) return graph;
  const info = (value: ValueInfo): ValueInfo => ({ ...value, name: renamed(names, value.name) });
  return {
    ...graph,
    nodes: graph.nodes.map((node) => renameInNode(node, names)),
    inputs: graph.inputs.map(info),
    outputs: graph.outputs.map(info),
    values: new Map([...graph.values].map(([name, value]) => [renamed(names, name), info(value)])),
    initializers: new Map([...graph.initializers].map(([name, id]) => [renamed(names, name), id])),
  };
}

/** Returns `node` itself when none of its names changes. */
export function renameInNode(node: Node, names: Names): Node {
  const touched = node.graphs.size > 0 || node.inputs.some((name) => names.has(name)) || node.outputs.some((name) => names.has(name));
  if (!touched || names.size === 0) return node;
  return {
    ...node,
    inputs: node.inputs.map((name) => renamed(names, name)),
    outputs: node.outputs.map((name) => renamed(names, name)),
    graphs: new Map([...node.graphs].map(([key, inner]) => [key, renameValues(inner, names)])),
  };
}

/** Follows `names` to the end: a value that takes the place of another may be replaced itself. */
function renamed(names: Names, name: string): string {
  let current = name;
  for (let next = names.get(current); next !== undefined && next !== current; next = names.get(current)) current = next;
  return current;
}
