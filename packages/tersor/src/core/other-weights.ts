import type { DType, Shape } from './dtype.ts';
import type { WeightId } from './graph.ts';
import type { Tensor } from './tensor.ts';

/** Weights of another model, loaded one by one. */
export interface OtherWeights {
  readonly weights: ReadonlyMap<WeightId, { readonly shape: Shape; readonly dtype: DType | 'string' }>;
  load(id: WeightId): Promise<Tensor>;
}
