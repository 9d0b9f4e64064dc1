import { type Known, knownOf } from '../evaluate-small/known.ts';
import { branchPath, type Graph } from '../graph.ts';
import { inferShapes } from '../infer-shapes.ts';
import { inferTypes } from '../infer-types.ts';
import type { Model, Weight } from '../model.ts';
import { readSmall, type Scope, scopeOf, withInferred } from './scope.ts';

/** What is known of the values of every graph of a model, by the graph's path. Reads small constants, for shapes. */
export async function scopesOf({ graph, weights }: Model): Promise<ReadonlyMap<string, Scope>> {
  const scopes = new Map<string, Scope>();
  if (!graph) return scopes;
  const types = inferTypes(graph, weights);
  const read = new Map<Weight, Promise<Known | undefined>>();
  const visit = async (inner: Graph, path: string, outer?: Scope): Promise<void> => {
    const declared = scopeOf(inner, weights, outer);
    const known = async (name: string) => {
      const weight = declared.constant(name);
      if (!weight) return undefined;
      const values = read.get(weight) ?? readSmall(weight).then((tensor) => tensor && knownOf(tensor));
      read.set(weight, values);
      return values;
    };
    const scope = withInferred(declared, await inferShapes(inner, declared, known), types.get(inner));
    scopes.set(path, scope);
    for (const node of inner.nodes) {
      for (const [name, body] of node.graphs) await visit(body, branchPath(path, node, name), scope);
    }
  };
  await visit(graph, '');
  return scopes;
}
