import { type Known, knownOf } from '../evaluate-small/known.ts';
import { branchPath, eachGraph, type Graph, type Node, type WeightId } from '../graph.ts';
import { inferShapes } from '../infer-shapes.ts';
import { inferTypes } from '../infer-types.ts';
import { type Model, type Weight, withGraph } from '../model.ts';
import { definedIn, withUniqueNames } from './names.ts';
import { removeDead } from './remove-dead.ts';
import { readSmall, type Scope, scopeOf, withInferred } from './scope.ts';

/** Where an edit takes place. */
export interface Site {
  readonly scope: Scope;
  /** The values of a small constant. Each is read once. */
  known(name: string): Promise<Known | undefined>;
  /** Of the graph; ids of its weights start with it. */
  readonly path: string;
  /** All weights of the model. An edit adds and replaces here; what no graph declares in the end is dropped. */
  readonly weights: Map<WeightId, Weight>;
  /** How many initializers, in all graphs before this round of edits, share each weight. */
  readonly declarations: ReadonlyMap<WeightId, number>;
  /** How often each name is defined in all graphs before this round. An edit that makes up a name adds it. */
  readonly definitions: Map<string, number>;
}

/**
 * The model with `edit` applied to every graph, innermost first, and then what became unused removed, again and again until nothing
 * changes. `edit` returns the graph itself when it has nothing to do, and otherwise something smaller, so this ends. A model where nothing
 * is done is returned as it is.
 */
export async function editGraphs(
  model: Model,
  edit: (graph: Graph, site: Site) => Graph | Promise<Graph>,
  signal?: AbortSignal,
): Promise<Model> {
  if (!model.graph) return model;
  const weights = new Map(model.weights);
  const start = withUniqueNames(model.graph);
  const read = new Map<Weight, Promise<Known | undefined>>();
  const knownIn = (scope: Scope) => async (name: string) => {
    const weight = scope.constant(name);
    if (!weight) return undefined;
    const values = read.get(weight) ?? readSmall(weight).then((tensor) => tensor && knownOf(tensor));
    read.set(weight, values);
    return values;
  };
  let before: Graph;
  let root = start;
  do {
    signal?.throwIfAborted();
    before = root;
    const declarations = countIn(before, (graph) => graph.initializers.values());
    const definitions = countIn(before, definedIn);
    const types = inferTypes(before, weights);
    const visit = async (graph: Graph, path: string, outer?: Scope): Promise<Graph> => {
      const declared = scopeOf(graph, weights, outer);
      const scope = withInferred(declared, await inferShapes(graph, declared, knownIn(declared)), types.get(graph));
      const nodes: Node[] = [];
      for (const node of graph.nodes)
        nodes.push(await withBodies(node, (inner, name) => visit(inner, branchPath(path, node, name), scope)));
      const same = nodes.every((node, i) => node === graph.nodes[i]);
      return edit(same ? graph : { ...graph, nodes }, { scope, known: knownIn(scope), path, weights, declarations, definitions });
    };
    root = removeDead(await visit(before, ''));
  } while (root !== before);
  return root === start ? model : withGraph(model, root, weights);
}

/** An id for a new weight of the site's graph that its nodes call `name`. */
export function freshId({ weights, path }: Pick<Site, 'weights' | 'path'>, name: string): WeightId {
  let id = `${path}${name}`;
  for (let i = 1; weights.has(id); i++) id = `${path}${name}_${i}`;
  return id;
}

function countIn(root: Graph, list: (graph: Graph) => Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { graph } of eachGraph(root)) {
    for (const name of list(graph)) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

async function withBodies(node: Node, change: (inner: Graph, name: string) => Promise<Graph>): Promise<Node> {
  if (node.graphs.size === 0) return node;
  const graphs = new Map<string, Graph>();
  for (const [name, inner] of node.graphs) graphs.set(name, await change(inner, name));
  return [...graphs].every(([name, inner]) => inner === node.graphs.get(name)) ? node : { ...node, graphs };
}
