import { eachGraph, type Graph } from '../../../core/graph.ts';
import { definedIn } from '../../../core/graph-edit/names.ts';
import type { Layer } from '../../../core/layers.ts';
import type { AffineLayout } from '../../../core/layout.ts';

/** Behind a weight's name where its codes are those of the product's operand, which is the weight transposed. */
export const TRANSPOSED = '^T';

/**
 * What the codes of a weight are called that operators read in its stored form. They keep the weight's name, so that the file still tells
 * which weight they are: `W` for a weight `[inputs, outputs]` or one whose rows are looked up, `W^T` for one that is only multiplied
 * by transposed. Undefined where that name would be taken or misread.
 */
export function openCodesNames(root: Graph): (name: string, layout: AffineLayout, uses: Layer['uses']) => string | undefined {
  const defined = new Map<string, number>();
  const fed = new Set<string>();
  for (const { graph, path } of eachGraph(root)) {
    for (const name of definedIn(graph)) defined.set(name, (defined.get(name) ?? 0) + 1);
    if (path !== '') for (const { name } of graph.inputs) fed.add(name);
  }
  return (name, { outputs }, uses) => {
    const isTransposed = outputs[0] === 0 && uses.every(({ kind }) => kind !== 'embedding');
    const full = isTransposed ? `${name}${TRANSPOSED}` : name;
    if (fed.has(name) || name.endsWith(TRANSPOSED)) return undefined;
    return (defined.get(full) ?? 0) === (isTransposed ? 0 : 1) ? full : undefined;
  };
}
