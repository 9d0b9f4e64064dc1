import { type Graph, makeNode, type Node } from '../graph.ts';
import { definedIn, freshName } from './names.ts';
import { renameValues } from './rename.ts';

/**
 * A branch of an If as part of the graph around it: its nodes compute the If's outputs. Names that other graphs of the model define, too,
 * are replaced by fresh ones. An output that no node of the branch computes gets an Identity.
 *
 * @param definitions  how often each name is defined in the whole model; the fresh ones join it
 */
export function inlineBranch(
  node: Node,
  branch: Graph,
  definitions: Map<string, number>,
): Pick<Graph, 'nodes' | 'initializers' | 'values'> {
  const shared = [...new Set(definedIn(branch))].filter((name) => (definitions.get(name) ?? 0) > 1);
  const fresh = shared.map((name) => [name, freshName(definitions, name)] as const);
  const apart = renameValues(branch, new Map(fresh));
  const computed = new Set(apart.nodes.flatMap(({ outputs }) => outputs));
  const names = new Map<string, string>();
  const copies: Node[] = [];
  for (const [i, { name }] of apart.outputs.entries()) {
    const output = node.outputs[i];
    if (!output) continue;
    if (computed.has(name) && !names.has(name)) names.set(name, output);
    else copies.push(makeNode('Identity', [names.get(name) ?? name], [output]));
  }
  const { nodes, initializers, values } = renameValues(apart, names);
  return { nodes: [...nodes, ...copies], initializers, values };
}
