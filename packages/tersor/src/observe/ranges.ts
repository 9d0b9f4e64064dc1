import { isFloat } from '../core/dtype.ts';
import { eachGraph, type Graph, makeNode, mapGraphs, type Node } from '../core/graph.ts';
import { freshName } from '../core/graph-edit/names.ts';
import { inferTypes } from '../core/infer-types.ts';
import { type Model, withGraph } from '../core/model.ts';
import { takenNames } from '../core/taken-names.ts';
import { expose, type ValueId } from './expose.ts';

/** A model that also says how small and how large some of its values get: one number each, whatever their size. */
export interface RangeObserver {
  readonly model: Model;
  /** The outputs of the model that give the least and the largest element of each value; values that are no floats are missing. */
  readonly outputs: ReadonlyMap<ValueId, { readonly least: string; readonly largest: string }>;
}

/**
 * Adds ReduceMin and ReduceMax beside each value, in the graph that computes it, so that activations never leave the runtime.
 * Expects unique names (`withUniqueNames`). Reads no weight.
 */
export function observeRanges(model: Model, ids: ReadonlySet<ValueId>): RangeObserver {
  if (!model.graph) return { model, outputs: new Map() };
  const types = inferTypes(model.graph, model.weights);
  const taken = takenNames(model.graph);
  const watched = new Map<ValueId, { least: ValueId; largest: ValueId }>();
  const scopes = new Map([...eachGraph(model.graph)].map(({ graph, path }) => [path, types.get(graph)]));
  const graph = mapGraphs(model.graph, (inner, path) => {
    const added = new Map<string, Node[]>();
    for (const node of inner.nodes) {
      for (const name of node.outputs) {
        const type = scopes.get(path)?.typeOf(name);
        if (name === '' || !ids.has(path + name) || type === undefined || type === 'string' || !isFloat(type)) continue;
        const [least, largest] = [freshName(taken, `${name}_least`), freshName(taken, `${name}_largest`)];
        watched.set(path + name, { least: path + least, largest: path + largest });
        added.set(name, [
          makeNode('ReduceMin', [name], [least], { keepdims: 0 }),
          makeNode('ReduceMax', [name], [largest], { keepdims: 0 }),
        ]);
      }
    }
    return added.size === 0 ? inner : withAfter(inner, added);
  });
  const exposed = expose(withGraph(model, graph), new Set([...watched.values()].flatMap(({ least, largest }) => [least, largest])));
  const outputs = [...watched].flatMap(([id, { least, largest }]) => {
    const [low, high] = [exposed.outputs.get(least), exposed.outputs.get(largest)];
    return low !== undefined && high !== undefined ? [[id, { least: low, largest: high }] as const] : [];
  });
  return { model: exposed.model, outputs: new Map(outputs) };
}

function withAfter(graph: Graph, added: ReadonlyMap<string, readonly Node[]>): Graph {
  return { ...graph, nodes: graph.nodes.flatMap((node) => [node, ...node.outputs.flatMap((name) => added.get(name) ?? [])]) };
}
