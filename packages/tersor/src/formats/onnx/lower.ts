import { findLayers } from '../../core/find-layers.ts';
import type { Target } from '../../core/format.ts';
import { eachGraph, type Graph, makeNode, mapGraphs, type Node, type WeightId } from '../../core/graph.ts';
import type { Kernels } from '../../core/kernels.ts';
import type { Model } from '../../core/model.ts';
import { openActivations } from './lower/activations.ts';
import { type Builder, openBuilder } from './lower/builder.ts';
import { isStoredAsUsed, type Plan, planLowering } from './lower/plan.ts';

/** A model whose weights are stored in the type they are used in. */
export interface Lowered {
  readonly model: Model;
  /** The weight that each stored part belongs to. */
  readonly owners: ReadonlyMap<WeightId, WeightId>;
}

/**
 * Turns compressed weights into dense ones and operators that compute with them. Nothing is loaded; what the new weights load is packed by
 * `kernels`, which may be absent when only sizes are asked for.
 *
 * A weight that is expanded keeps its name, now as the result of operators at the beginning of the graph that declares it: whatever uses
 * it, in whatever branch, however often, stays as it is. A weight that stays small is read by other operators in the places of its uses.
 */
export async function lower(model: Model, target: Target, kernels?: Kernels): Promise<Lowered> {
  if (!model.graph || [...model.weights.values()].every(isStoredAsUsed)) return { model, owners: new Map() };
  const builder = openBuilder(model.graph, model.weights.keys());
  const plan = planLowering(model, model.graph, await findLayers(model), target, builder, kernels);
  const lowered = mapGraphs(model.graph, (graph, path) => lowerGraph(graph, path === '', plan, builder));
  const shared = builder.finish(lowered);
  const weights = new Map([...model.weights].filter(([id]) => !plan.stored.has(id)));
  const owners = new Map<WeightId, WeightId>();
  for (const [owner, { parts }] of plan.stored) {
    for (const part of parts) {
      weights.set(part.id, part);
      owners.set(part.id, owner);
    }
  }
  for (const [id, weight] of shared.weights) weights.set(id, weight);
  return { model: { ...model, graph: withImports(shared.graph), weights, execution: new Map() }, owners };
}

function lowerGraph(graph: Graph, outermost: boolean, { stored, replaced, dropped }: Plan, builder: Builder): Graph {
  const initializers = new Map<string, WeightId>();
  const expanded = new Map<WeightId, string>();
  const activations = openActivations(builder);
  const nodes: Node[] = [];
  for (const [name, id] of graph.initializers) {
    const weight = stored.get(id);
    if (!weight) {
      initializers.set(name, id);
      continue;
    }
    const twin = expanded.get(id);
    if (twin !== undefined) {
      nodes.push({ ...makeNode('Identity', [twin], [name]), name: '' });
      continue;
    }
    expanded.set(id, name);
    const names = 'names' in weight ? weight.names : weight.parts.map(() => builder.name());
    weight.parts.forEach((part, i) => {
      initializers.set(names[i]!, part.id);
    });
    if ('expansion' in weight) nodes.push(...weight.expansion(names, name, builder));
  }
  for (const node of graph.nodes) if (!dropped.has(node)) nodes.push(...(replaced.get(node)?.(activations) ?? [node]));
  const keptSmall = [...graph.initializers].flatMap(([name, id]) => ('names' in (stored.get(id) ?? {}) ? [name] : []));
  // A weight that is computed cannot be given from outside any more. Inputs of inner graphs go by position and stay.
  const given = ({ name }: Graph['inputs'][number]) => !stored.has(graph.initializers.get(name) ?? '');
  const inputs = outermost ? graph.inputs.filter(given) : graph.inputs;
  const gone = new Set([...keptSmall, ...graph.nodes.flatMap((node) => (dropped.has(node) ? node.outputs : []))]);
  const values = new Map([...graph.values].filter(([name]) => !gone.has(name)));
  return { ...graph, inputs, initializers, nodes, values };
}

/** Every domain that a node belongs to is declared. */
function withImports(root: Graph): Graph {
  const used = [...eachGraph(root)].some(({ graph }) => graph.nodes.some(({ domain }) => domain === 'com.microsoft'));
  if (!used || root.opsets.has('com.microsoft')) return root;
  const opsets = new Map([...root.opsets, ['com.microsoft', 1]]);
  return mapGraphs(root, (graph) => ({ ...graph, opsets }));
}
