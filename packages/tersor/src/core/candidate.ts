import type { Layer } from './layers.ts';
import type { Step } from './recipe.ts';

/** One thing that could be done to one layer, and what it would win and cost. */
export interface Candidate {
  readonly layer: Layer;
  /** What is done to it, in order. Absent: the layer stays as it is. */
  readonly steps?: readonly Step[];
  /** In the file, with scales, zero points and padding. */
  readonly bytes: number;
  /** What it takes in a runtime that runs the model, in bytes: a weight that is expanded takes what its values do. Absent: nothing is known. */
  readonly memory?: number;
  /** How far the model's outputs move when only this layer is changed: see `Assessor.error`. Adds up over layers, as far as their errors are independent. */
  readonly error: number;
  /** What it adds to the model's latency, as a share of the original's, for every shape that is timed; negative where it is faster. Absent: nothing. */
  readonly latency?: readonly number[];
}
