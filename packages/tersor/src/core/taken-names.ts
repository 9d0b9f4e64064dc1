import { eachGraph, type Graph } from './graph.ts';
import { definedIn } from './graph-edit/names.ts';

/** Names that a new value must not have, as `freshName` wants them: what the graph and the graphs inside it define. */
export function takenNames(root: Graph): Map<string, number> {
  const taken = new Map<string, number>();
  for (const { graph } of eachGraph(root)) {
    for (const name of definedIn(graph)) taken.set(name, 1);
    for (const { name } of graph.outputs) taken.set(name, 1);
  }
  return taken;
}
