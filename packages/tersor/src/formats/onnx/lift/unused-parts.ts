import type { Graph, Node } from '../../../core/graph.ts';
import type { Stored } from './find-stored.ts';
import { constantsOf, nodesOf } from './term.ts';

/** What nothing needs once the weights are there in one piece. */
export interface Unused {
  readonly nodes: ReadonlySet<Node>;
  /** Names of constants, by the initializers that they are among. */
  readonly constants: ReadonlyMap<Graph['initializers'], ReadonlySet<string>>;
}

export function unusedParts({ expanded, uses, terms, readers, outputs }: Stored): Unused {
  const left = new Map(readers);
  const isRead = (name: string) => (left.get(name) ?? 0) > 0 || outputs.has(name);
  const release = (names: readonly string[]) => {
    for (const name of names) left.set(name, (left.get(name) ?? 0) - 1);
  };
  const weights = [...expanded.map(({ term }) => term), ...uses.map(({ term }) => term)];
  const operators = new Set(weights.flatMap(nodesOf));
  const done = new Set<Node>();
  for (const { node } of expanded) {
    release(node.inputs);
    done.add(node);
  }
  for (const { node, parts } of uses) {
    release(parts);
    done.add(node);
  }
  const nodes = new Set<Node>();
  for (const [node, term] of [...terms].reverse()) {
    const isPart = operators.has(node) || (node.op === 'Identity' && term.node !== node);
    if (!isPart || done.has(node) || node.outputs.some(isRead)) continue;
    nodes.add(node);
    release(node.inputs);
  }
  const constants = new Map<Graph['initializers'], Set<string>>();
  for (const { declared, name } of weights.flatMap(constantsOf)) {
    if (!isRead(name)) constants.set(declared, (constants.get(declared) ?? new Set()).add(name));
  }
  return { nodes, constants };
}
