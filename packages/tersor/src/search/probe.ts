import { branchPath, type Graph, makeNode, type Node, type ValueInfo, type WeightId } from '../core/graph.ts';
import { type Model, withGraph } from '../core/model.ts';

/** A model whose layers' weights are inputs of the graph: one session, any number of what-if questions. */
export interface Probe {
  readonly model: Model;
  /** The graph input that stands for each weight. */
  readonly inputs: ReadonlyMap<WeightId, string>;
}

/**
 * Turns the weights `ids` from initializers into graph inputs. A weight of a branch becomes an input of the root graph, for a branch
 * has none of its own, and reaches the branch through an Identity; so does a second name of a tied weight.
 */
export function probeOf(model: Model, ids: ReadonlySet<WeightId>): Probe {
  if (!model.graph) return { model, inputs: new Map() };
  const inputs = new Map<WeightId, string>();
  const graph = release(model.graph, '', ids, inputs);
  const known = new Set(graph.inputs.map((input) => input.name));
  const added = [...inputs].filter(([, name]) => !known.has(name)).map(([id, name]) => inputOf(model, id, name));
  return { model: withGraph(model, { ...graph, inputs: [...graph.inputs, ...added] }), inputs };
}

function release(graph: Graph, path: string, ids: ReadonlySet<WeightId>, inputs: Map<WeightId, string>): Graph {
  const aliases: Node[] = [];
  const initializers = new Map<string, WeightId>();
  for (const [name, id] of graph.initializers) {
    if (!ids.has(id)) {
      initializers.set(name, id);
      continue;
    }
    const input = inputs.get(id) ?? (path === '' ? name : `weight:${id}`);
    inputs.set(id, input);
    if (input !== name) aliases.push(makeNode('Identity', [input], [name]));
  }
  const nodes = graph.nodes.map((node) => ({
    ...node,
    graphs: new Map([...node.graphs].map(([name, inner]) => [name, release(inner, branchPath(path, node, name), ids, inputs)])),
  }));
  return { ...graph, nodes: [...aliases, ...nodes], initializers };
}

function inputOf(model: Model, id: WeightId, name: string): ValueInfo {
  const weight = model.weights.get(id);
  return { name, ...(weight && { dtype: weight.dtype, shape: weight.shape }) };
}
