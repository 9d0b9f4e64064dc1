import { eachGraph, type Graph, type WeightId } from '../graph.ts';
import { definedIn, freshName } from './names.ts';
import { removeDead } from './remove-dead.ts';
import { renameValues } from './rename.ts';
import { countUses } from './uses.ts';

/** What makes two weights the same, or undefined for a weight that is not to be merged. */
type KeyOf = (id: WeightId) => string | undefined;

interface Merged {
  readonly graph: Graph;
  /** Initializers that went. */
  readonly merged: number;
}

/**
 * Lets one initializer stand for all with the same key. Within a graph any two; across graphs (branches of an If) only those for which
 * `hoists` holds, which then live in the outermost graph. Initializers that are inputs or outputs of their graph stay where they are.
 */
export function mergeInitializers(root: Graph, keyOf: KeyOf, hoists: (id: WeightId) => boolean): Merged {
  const shared = hoisted(root, keyOf, hoists);
  const visit = (graph: Graph, visible: ReadonlyMap<string, string>): Graph => {
    const local = mergedNames(graph, keyOf, visible, hoists);
    const initializers = new Map([...graph.initializers].filter(([name]) => !local.names.has(name)));
    const nodes = graph.nodes.map((node) => {
      if (node.graphs.size === 0) return node;
      return { ...node, graphs: new Map([...node.graphs].map(([key, inner]) => [key, visit(inner, local.visible)])) };
    });
    return renameValues({ ...graph, nodes, initializers }, local.names);
  };
  const graph = removeDead(visit(shared, new Map()));
  const merged = countInitializers(root) - countInitializers(graph);
  return merged > 0 ? { graph, merged } : { graph: root, merged: 0 };
}

function countInitializers(root: Graph): number {
  return [...eachGraph(root)].reduce((sum, { graph }) => sum + graph.initializers.size, 0);
}

/** The graph with one more initializer for each key that several graphs declare and the root does not. */
function hoisted(root: Graph, keyOf: KeyOf, hoists: (id: WeightId) => boolean): Graph {
  const places = new Map<string, { readonly name: string; readonly id: WeightId; readonly graphs: Set<Graph> }>();
  const taken = new Map<string, number>();
  const visit = (graph: Graph) => {
    for (const name of definedIn(graph)) taken.set(name, 1);
    const outputs = new Set(graph.outputs.map(({ name }) => name));
    for (const [name, id] of mergeable(graph)) {
      const key = hoists(id) && !outputs.has(name) ? keyOf(id) : undefined;
      if (key === undefined) continue;
      const place = places.get(key) ?? { name, id, graphs: new Set() };
      places.set(key, { ...place, graphs: place.graphs.add(graph) });
    }
    for (const node of graph.nodes) for (const inner of node.graphs.values()) visit(inner);
  };
  visit(root);
  const initializers = new Map(root.initializers);
  for (const { name, id, graphs } of places.values()) {
    if (graphs.size > 1 && !graphs.has(root)) initializers.set(freshName(taken, name), id);
  }
  return { ...root, initializers };
}

interface Local {
  /** What replaces the initializers that go. */
  readonly names: ReadonlyMap<string, string>;
  /** Names by key, for the graphs inside. */
  readonly visible: ReadonlyMap<string, string>;
}

function mergedNames(graph: Graph, keyOf: KeyOf, outer: ReadonlyMap<string, string>, hoists: (id: WeightId) => boolean): Local {
  const names = new Map<string, string>();
  const visible = new Map(outer);
  const own = new Map<string, string>();
  const uses = countUses(graph);
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  // The shortest name stays, so that no use of it takes more room than before; an output's name has to stay.
  const candidates = [...mergeable(graph)].toSorted(([a], [b]) => Number(outputs.has(b)) - Number(outputs.has(a)) || a.length - b.length);
  for (const [name, id] of candidates) {
    const key = keyOf(id);
    if (key === undefined) continue;
    const outside = hoists(id) ? outer.get(key) : undefined;
    const twin = outside ?? own.get(key);
    const isLonger = twin !== undefined && (twin.length - name.length) * (uses.get(name) ?? 0) > LEAST_SHARED_BYTES;
    if (twin !== undefined && !outputs.has(name) && !isLonger) {
      names.set(name, twin);
    } else if (!own.has(key)) {
      own.set(key, name);
      if (!outer.has(key)) visible.set(key, name);
    }
  }
  return { names, visible };
}

/** Initializers that nobody can replace when the model is run. */
function* mergeable(graph: Graph): Generator<readonly [string, WeightId]> {
  const inputs = new Set(graph.inputs.map(({ name }) => name));
  for (const entry of graph.initializers) if (!inputs.has(entry[0])) yield entry;
}

/** Smaller constants stay in the branch that uses them: sharing them saves nothing, and some operators want theirs close by. */
export const LEAST_SHARED_BYTES = 1024;
