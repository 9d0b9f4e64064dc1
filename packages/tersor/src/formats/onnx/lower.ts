import { type Graph, mapGraphs, type Node, type WeightId } from '../../core/graph.ts';
import type { Target } from '../../core/format.ts';
import type { Kernels } from '../../core/kernels.ts';
import type { Model, Weight } from '../../core/model.ts';
import { type Builder, openBuilder } from './lower/builder.ts';
import { type AffineWeight, type Expansion, expand, widen } from './lower/expand.ts';
import { partWeights } from './lower/part.ts';

/** A model whose weights are stored as they are used. */
export interface Lowered {
  readonly model: Model;
  /** The weight that each stored part belongs to. */
  readonly owners: ReadonlyMap<WeightId, WeightId>;
}

/**
 * Turns compressed weights into dense ones and operators that compute with them. Nothing is loaded; what the new weights load is packed by
 * `kernels`, which may be absent when only sizes are asked for.
 *
 * A weight that is expanded keeps its name, now as the result of operators at the beginning of the graph that declares it; so whatever
 * uses it, in whatever branch, how many times, stays as it is.
 */
export async function lower(model: Model, target: Target, kernels?: Kernels): Promise<Lowered> {
  const compressed = new Map([...model.weights].filter(([, weight]) => !isStoredAsUsed(weight)));
  if (!model.graph || compressed.size === 0) return { model, owners: new Map() };
  const builder = openBuilder(model.graph);
  const stored = new Map([...compressed].map(([id, weight]) => [id, store(weight, kernels)]));
  const graph = mapGraphs(model.graph, (inner, path) => lowerGraph(inner, path === '', stored, builder));
  const shared = builder.finish(graph);
  const weights = new Map([...model.weights].filter(([id]) => !compressed.has(id)));
  for (const { parts } of stored.values()) for (const part of parts) weights.set(part.id, part);
  for (const [id, weight] of shared.weights) weights.set(id, weight);
  const owners = new Map([...stored].flatMap(([id, { parts }]) => parts.map((part) => [part.id, id] as const)));
  return { model: { ...model, graph: shared.graph, weights, execution: new Map() }, owners };
}

/** A weight that will be expanded: what is stored, and how it is computed from that. */
interface Stored {
  readonly parts: readonly Weight[];
  nodes: Expansion['nodes'];
}

function isStoredAsUsed({ layout, dtype }: Weight): boolean {
  return layout.kind === 'sparse' || (layout.kind === 'dense' && (dtype === 'string' || layout.dtype === dtype));
}

function store(weight: Weight, kernels: Kernels | undefined): Stored {
  if (isAffine(weight)) {
    const { parts, nodes } = expand(weight);
    return { parts: partWeights(weight, parts, kernels), nodes };
  }
  const { layout } = weight;
  const dtype = layout.kind === 'dense' ? layout.dtype : weight.dtype;
  return {
    parts: [{ ...weight, id: `${weight.id}#q`, dtype }],
    nodes: ([name = ''], output, builder) => widen(name, output, weight.dtype, builder),
  };
}

function isAffine(weight: Weight): weight is AffineWeight {
  return weight.layout.kind === 'affine';
}

function lowerGraph(graph: Graph, outermost: boolean, stored: ReadonlyMap<WeightId, Stored>, builder: Builder): Graph {
  const initializers = new Map<string, WeightId>();
  const nodes: Node[] = [];
  const computed = new Map<WeightId, string>();
  for (const [name, id] of graph.initializers) {
    const weight = stored.get(id);
    if (!weight) {
      initializers.set(name, id);
      continue;
    }
    const twin = computed.get(id);
    if (twin !== undefined) {
      nodes.push({ name: '', op: 'Identity', domain: '', inputs: [twin], outputs: [name], attributes: new Map(), graphs: new Map() });
      continue;
    }
    computed.set(id, name);
    const names = weight.parts.map((part) => {
      const fresh = builder.name();
      initializers.set(fresh, part.id);
      return fresh;
    });
    nodes.push(...weight.nodes(names, name, builder));
  }
  if (nodes.length === 0) return graph;
  // A weight that is computed can no longer be given from outside. (Inputs of inner graphs go by position and stay.)
  const inputs = outermost ? graph.inputs.filter(({ name }) => !stored.has(graph.initializers.get(name) ?? '')) : graph.inputs;
  return { ...graph, inputs, initializers, nodes: [...nodes, ...graph.nodes] };
}
