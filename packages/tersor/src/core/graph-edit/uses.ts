import type { Graph, Node } from '../graph.ts';

/** How often each value is used: by nodes, inside their subgraphs, and as an output of the graph. */
export function countUses(graph: Graph): Map<string, number> {
  const uses = new Map<string, number>();
  for (const name of mentionedIn(graph)) uses.set(name, (uses.get(name) ?? 0) + 1);
  return uses;
}

/** What a node reads, with repetitions: its inputs, and what the graphs inside it mention. */
export function* readBy(node: Node): Generator<string> {
  for (const input of node.inputs) if (input !== '') yield input;
  for (const inner of node.graphs.values()) yield* mentionedIn(inner);
}

function* mentionedIn(graph: Graph): Generator<string> {
  for (const node of graph.nodes) yield* readBy(node);
  for (const { name } of graph.outputs) yield name;
}

/** The node that computes each value of this graph. */
export function producersOf(graph: Graph): Map<string, Node> {
  const producers = new Map<string, Node>();
  for (const node of graph.nodes) for (const output of node.outputs) if (output !== '') producers.set(output, node);
  return producers;
}
