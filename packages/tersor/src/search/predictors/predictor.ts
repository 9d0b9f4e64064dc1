import type { Layer } from '../../core/layers.ts';
import type { Random } from '../../core/random.ts';

/** A weight before it is changed, and what is known of its inputs. */
export interface Subject {
  readonly layer: Layer;
  /** In the weight's own order. */
  readonly values: Float32Array;
  readonly random: Random;
  /** Absent where no data were seen. */
  readonly weigh?: Weigh;
}

/** How far errors of a weight, in its own order, move the layer's outputs on average over its inputs: the squares, added up. */
export type Weigh = (errors: Float32Array) => Promise<number>;

/** A weight after it was changed. */
export interface Changed {
  /** The floats that are computed with, in the weight's own order. */
  readonly values: Float32Array;
  /** Stored bits for each of them, scales included. */
  readonly bits: number;
}

/** A cheap sign of what a change of a weight does to the outputs of its model. Its numbers have no unit: their order is what counts. */
export interface Predictor {
  readonly id: string;
  /** One sentence. */
  readonly summary: string;
  /** Paper. */
  readonly source: string;
  /** Looks at a weight once. What it returns is asked about every change of it, and expects the more loss the larger its number; undefined: nothing to say. */
  open(subject: Subject): Promise<Predict | undefined>;
}

export type Predict = (changed: Changed) => Promise<number>;
