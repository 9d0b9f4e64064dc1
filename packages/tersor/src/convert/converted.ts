import type { WeightId } from '../core/graph.ts';
import type { Model } from '../core/model.ts';

/** A model on its way into another format: nothing is loaded yet. */
export interface Converted {
  readonly model: Model;
  /** What its weights were called before; those that are missing here were not there. */
  readonly origins: ReadonlyMap<WeightId, WeightId>;
  /** Of the input, what has no place in it. */
  readonly leftOut: readonly WeightId[];
  readonly architecture?: string;
}
