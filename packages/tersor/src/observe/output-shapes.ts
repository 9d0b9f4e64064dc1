import type { Shape } from '../core/dtype.ts';
import type { Feeds } from '../core/engine.ts';
import { knownOf } from '../core/evaluate-small/known.ts';
import { readSmall, scopeOf } from '../core/graph-edit/scope.ts';
import { inferShapes } from '../core/infer-shapes.ts';
import type { Model } from '../core/model.ts';

/** The shapes that the outputs of a model have for feeds, where these follow from those. Reads small constants. */
export async function outputShapes({ graph, weights }: Model, feeds: Feeds): Promise<ReadonlyMap<string, Shape>> {
  const shapes = new Map<string, Shape>();
  if (!graph) return shapes;
  const fed = {
    ...graph,
    inputs: graph.inputs.map((input) => ({ ...input, ...(feeds[input.name] && { shape: feeds[input.name]!.shape }) })),
  };
  const scope = scopeOf(fed, weights);
  const inferred = await inferShapes(fed, scope, async (name) => {
    const tensor = await readSmall(scope.constant(name));
    return tensor && knownOf(tensor);
  });
  for (const { name } of graph.outputs) {
    const dims = inferred.get(name) ?? [undefined];
    const shape = dims.filter((size) => size !== undefined);
    if (shape.length === dims.length) shapes.set(name, shape);
  }
  return shapes;
}
