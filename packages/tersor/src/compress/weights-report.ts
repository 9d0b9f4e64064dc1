import { describe } from '../core/describe.ts';
import type { Size } from '../core/format.ts';
import type { WeightId } from '../core/graph.ts';
import type { Layer } from '../core/layers.ts';
import type { Model } from '../core/model.ts';
import type { WeightReport } from '../core/report.ts';

/** A model as it is in a file. */
export interface Sized {
  readonly model: Model;
  readonly size: Size;
}

/**
 * What became of every weight, in the order of the original file. A weight that clean-up took away is there with no bytes left.
 * @param errors  of weights that were measured
 */
export function weightsReport(
  before: Sized,
  after: Sized,
  layers: readonly Layer[],
  errors: ReadonlyMap<WeightId, number>,
): WeightReport[] {
  const kinds = new Map(layers.map(({ weight, kind }) => [weight.id, kind]));
  return [...new Map([...before.model.weights, ...after.model.weights]).values()].map(({ id, shape }): WeightReport => {
    const [was, is] = [before.model.weights.get(id), after.model.weights.get(id)];
    const kind = kinds.get(id);
    const error = errors.get(id);
    return {
      id,
      shape,
      ...(kind && { kind }),
      before: was ? describe(was.layout) : 'new',
      after: is ? describe(is.layout) : 'removed',
      bytesBefore: before.size.weights.get(id) ?? 0,
      bytesAfter: after.size.weights.get(id) ?? 0,
      ...(error !== undefined && { error }),
    };
  });
}
