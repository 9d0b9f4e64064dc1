import { eachGraph, type Graph, type WeightId } from '../../core/graph.ts';

/** For each graph: its initializers that need not be stored, since another name in sight has the same weight. */
export type SharedNames = ReadonlyMap<Graph, ReadonlyMap<string, string>>;

/**
 * Finds names that share a weight with a name declared earlier in the same graph or one around it.
 * A default of a graph input is never shared: feeding the input would change both.
 * @param worthIt whether a weight is larger than the node that refers to it
 */
export function sharedWeights(graph: Graph, worthIt: (id: WeightId) => boolean): SharedNames {
  const shared = new Map<Graph, ReadonlyMap<string, string>>();
  const ids = [...eachGraph(graph)].flatMap(({ graph }) => [...graph.initializers.values()]);
  if (new Set(ids).size === ids.length) return shared;
  const visit = (graph: Graph, around: ReadonlyMap<WeightId, string>) => {
    const fed = new Set(graph.inputs.map(({ name }) => name));
    const defined = new Set([...fed, ...graph.nodes.flatMap(({ outputs }) => outputs)]);
    const visible = new Map([...around].filter(([id, name]) => !defined.has(name) && (graph.initializers.get(name) ?? id) === id));
    const names = new Map<string, string>();
    for (const [name, id] of graph.initializers) {
      if (fed.has(name) || !worthIt(id)) continue;
      const first = visible.get(id);
      if (first === undefined) visible.set(id, name);
      else names.set(name, first);
    }
    if (names.size > 0) shared.set(graph, names);
    for (const node of graph.nodes) for (const inner of node.graphs.values()) visit(inner, visible);
  };
  visit(graph, new Map());
  return shared;
}
