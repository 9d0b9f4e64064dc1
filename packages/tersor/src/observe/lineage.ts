import { branchPath, type Graph, type Node } from '../core/graph.ts';
import type { ValueId } from '../core/observation.ts';

/** What is computed from what, over all graphs of a model. */
export interface Lineage {
  /** Every value that a node computes, in the order of computation; what bodies compute comes before what their node gives. */
  readonly order: readonly ValueId[];
  readonly makers: ReadonlyMap<ValueId, { readonly node: Node; readonly path: string }>;
  /** Values that a value is computed from directly: inputs of its node, and what the node's bodies give. Inputs of the model and weights are none. */
  readonly parents: ReadonlyMap<ValueId, readonly ValueId[]>;
}

/** Names of one graph and where they stand; names of the graphs around it are found through `outer`. */
interface Scope {
  readonly path: string;
  readonly ids: Map<string, readonly ValueId[]>;
  readonly outer: Scope | undefined;
}

/** Expects unique names (`withUniqueNames`). */
export function lineageOf(root: Graph): Lineage {
  const order: ValueId[] = [];
  const makers = new Map<ValueId, { node: Node; path: string }>();
  const parents = new Map<ValueId, readonly ValueId[]>();

  /** @param given  what the inputs of the graph come from */
  const visit = (graph: Graph, path: string, outer: Scope | undefined, given: readonly (readonly ValueId[])[]): Scope => {
    const scope: Scope = { path, ids: new Map(graph.inputs.map(({ name }, i) => [name, given[i] ?? []])), outer };
    for (const name of graph.initializers.keys()) if (!scope.ids.has(name)) scope.ids.set(name, []);
    for (const node of graph.nodes) {
      const direct = node.inputs.map((name) => find(scope, name));
      const bodies = [...node.graphs].map(([key, body]) => {
        const inner = visit(body, branchPath(path, node, key), scope, bodyInputs(node, body, direct));
        return body.outputs.flatMap(({ name }) => find(inner, name));
      });
      const from = [...new Set([...direct.flat(), ...bodies.flat()])];
      for (const name of node.outputs) {
        if (name === '') continue;
        order.push(path + name);
        makers.set(path + name, { node, path });
        parents.set(path + name, from);
        scope.ids.set(name, [path + name]);
      }
    }
    return scope;
  };
  visit(root, '', undefined, []);
  return { order, makers, parents };
}

function find(scope: Scope | undefined, name: string): readonly ValueId[] {
  if (!scope || name === '') return [];
  return scope.ids.get(name) ?? find(scope.outer, name);
}

/** What a node passes to its body, by position; what goes around in it is followed from where it started. */
function bodyInputs({ op }: Node, body: Graph, direct: readonly (readonly ValueId[])[]): (readonly ValueId[])[] {
  if (op === 'Loop') return [direct[0] ?? [], direct[1] ?? [], ...direct.slice(2)];
  return body.inputs.map((_, i) => direct[i] ?? []);
}

/** The lineage of some of the values alone: those between them are passed through. */
export function narrowed({ order, parents }: Lineage, kept: ReadonlySet<ValueId>): Pick<Lineage, 'order' | 'parents'> {
  const reached = new Map<ValueId, ReadonlySet<ValueId>>();
  const found = new Map<ValueId, readonly ValueId[]>();
  for (const id of order) {
    const near = new Set<ValueId>();
    for (const parent of parents.get(id) ?? []) {
      if (kept.has(parent)) near.add(parent);
      else for (const far of reached.get(parent) ?? []) near.add(far);
    }
    reached.set(id, near);
    if (kept.has(id)) found.set(id, [...near]);
  }
  return { order: order.filter((id) => kept.has(id)), parents: found };
}
