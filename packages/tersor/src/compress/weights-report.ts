import { describe } from '../core/describe.ts';
import type { Size } from '../core/format.ts';
import type { WeightId } from '../core/graph.ts';
import type { Layer, Use } from '../core/layers.ts';
import type { Model } from '../core/model.ts';
import type { WeightReport } from '../core/report.ts';

/** A model as it is in a file. */
export interface Sized {
  readonly model: Model;
  readonly size: Size;
}

/**
 * What became of every weight, in the order of the original file. A weight that clean-up took away is there with no bytes left; one that it keeps
 * in another shape under another name, since an operator before its use was computed once and for all, is one weight.
 * @param errors  of weights that were measured
 */
export function weightsReport(
  before: Sized,
  after: Sized,
  layers: { readonly before: readonly Layer[]; readonly after: readonly Layer[] },
  errors: ReadonlyMap<WeightId, number>,
): WeightReport[] {
  const kinds = new Map([...layers.after, ...layers.before].map(({ weight, kind }) => [weight.id, kind]));
  const heirs = heirsOf(before.model, after.model, layers);
  const inherited = new Set(heirs.values());
  const ids = [...new Map([...before.model.weights, ...after.model.weights]).values()].filter(({ id }) => !inherited.has(id));
  return ids.map(({ id, shape }): WeightReport => {
    const now = heirs.get(id) ?? id;
    const [was, is] = [before.model.weights.get(id), after.model.weights.get(now)];
    const kind = kinds.get(id);
    const error = errors.get(now);
    return {
      id,
      shape,
      ...(kind && { kind }),
      before: was ? describe(was.layout) : 'new',
      after: is ? describe(is.layout) : 'removed',
      bytesBefore: before.size.weights.get(id) ?? 0,
      bytesAfter: after.size.weights.get(now) ?? 0,
      ...(error !== undefined && { error }),
    };
  });
}

/** The new weights that stand where old ones were, by those: the same input of the same operator, whose weight is gone. */
function heirsOf(before: Model, after: Model, layers: Parameters<typeof weightsReport>[2]): Map<WeightId, WeightId> {
  const places = new Map<string, WeightId>();
  for (const { weight, uses } of layers.before) for (const place of uses.flatMap(placesOf)) places.set(place, weight.id);
  const heirs = new Map<WeightId, WeightId>();
  for (const { weight, uses } of layers.after) {
    const [old, ...others] = new Set(uses.flatMap(placesOf).flatMap((place) => places.get(place) ?? []));
    if (old === undefined || others.length > 0 || before.weights.has(weight.id) || after.weights.has(old) || heirs.has(old)) continue;
    heirs.set(old, weight.id);
  }
  return heirs;
}

/** By each of its outputs: clean-up takes the names of those away that nobody reads. */
function placesOf({ node: { outputs }, input }: Use): string[] {
  return outputs.flatMap((output) => (output === '' ? [] : [`${input} ${output}`]));
}
