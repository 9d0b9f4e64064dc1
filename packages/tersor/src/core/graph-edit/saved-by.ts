import type { Graph, Node } from '../graph.ts';
import { constantBytes, nodeBytes } from './cost.ts';
import type { Site } from './edit-graphs.ts';
import { readBy } from './uses.ts';

/**
 * Bytes that leave the file when some nodes of a graph go: their own, and those of nodes and weights that nothing else needs.
 * @param kept  names that what takes their place reads
 */
export function savedBy(
  nodes: readonly Node[],
  uses: ReadonlyMap<string, number>,
  producers: ReadonlyMap<string, Node>,
  graph: Graph,
  site: Pick<Site, 'scope' | 'declarations'>,
  kept: readonly string[] = [],
): number {
  const left = new Map<string, number>();
  const usesLeft = (name: string) => left.get(name) ?? uses.get(name) ?? 0;
  for (const name of kept) left.set(name, usesLeft(name) + 1);
  const gone = [...nodes];
  let bytes = 0;
  for (const node of gone) {
    bytes += nodeBytes(node);
    for (const name of readBy(node)) {
      left.set(name, usesLeft(name) - 1);
      if (usesLeft(name) > 0) continue;
      const producer = producers.get(name);
      if (producer && !gone.includes(producer) && producer.outputs.every((output) => usesLeft(output) <= 0)) gone.push(producer);
      const id = graph.initializers.get(name);
      const weight = id !== undefined && site.declarations.get(id) === 1 ? site.scope.constant(name) : undefined;
      if (weight) bytes += constantBytes(name, weight);
    }
  }
  return bytes;
}
