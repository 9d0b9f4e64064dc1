import type { WeightId } from './graph.ts';
import type { Bins } from './histogram.ts';

/** A value anywhere in a model: the path of its graph (`branchPath`) and its name. */
export type ValueId = string;

/**
 * What is looked at, always as a matrix of rows and columns.
 *
 * - `input`: what a layer multiplies its weight by. Columns are the layer's inputs in the order of `toMatrix(weight)`, rows are positions: of a
 *   convolution the patches under its kernel (im2col, zeros of its padding included), of a recurrent layer's second weight the states before each step.
 * - `value`: a value of the graph. With `axis` its columns are that axis (1, or the last as -1); without it has a single one.
 */
export type Subject =
  | { readonly of: 'input'; readonly layer: WeightId }
  | { readonly of: 'value'; readonly id: ValueId; readonly axis?: number };

/** What each statistic gives. Sums are over all rows of all runs, in f64. */
export interface Statistics {
  /** The least and the largest element; NaN is passed over. */
  readonly range: Range;
  /** How often elements fall into bins of equal width. */
  readonly histogram: Histogram;
  /** Of every column. */
  readonly mean: Columns;
  /** Mean of the squares of every column: the diagonal of the Gram matrix, over the number of rows. */
  readonly 'mean-square': Columns;
  /** XᵀX. */
  readonly gram: Gram;
  /** The largest magnitude of every column: outlier channels stand out. */
  readonly outliers: Columns;
  /** How often each row of an embedding was looked up. Only of inputs. */
  readonly tokens: Tokens;
}

export type StatisticId = keyof Statistics;

/** One thing to be known of a model's activations. */
export interface Observation<S extends StatisticId = StatisticId> {
  readonly subject: Subject;
  readonly statistic: S;
}

export interface Range {
  readonly min: number;
  readonly max: number;
}

export type Histogram = Bins;

/**
 * Inputs come in groups where outputs do not all see the same ones (grouped convolutions, batched products, the directions of a recurrent layer):
 * row `r` of a layer's matrix sees group `floor(r * groups / outputs)`.
 */
export interface Columns {
  readonly rows: number;
  readonly groups: number;
  readonly columns: number;
  /** `[groups, columns]`. */
  readonly values: Float64Array;
}

export interface Gram {
  readonly rows: number;
  readonly groups: number;
  readonly columns: number;
  /** `[groups, columns, columns]`, not divided by the rows. */
  readonly values: Float64Array;
}

export interface Tokens {
  /** One for each row of the table. */
  readonly counts: Float64Array;
  readonly total: number;
}

/** What was found. Large results may lie on disk until they are asked for. */
export interface Observations {
  /** Undefined where nothing was seen: no run came by, or the runtime cannot be made to look (see `unseen`). */
  get<S extends StatisticId>(observation: Observation<S>): Promise<Statistics[S] | undefined>;
  /** Observations that cannot be made, by `keyOf`, and why. */
  readonly unseen: ReadonlyMap<string, string>;
}

export function ofInput<S extends StatisticId>(layer: WeightId, statistic: S): Observation<S> {
  return { subject: { of: 'input', layer }, statistic };
}

export function ofValue<S extends StatisticId>(id: ValueId, statistic: S, axis?: number): Observation<S> {
  return { subject: { of: 'value', id, ...(axis !== undefined && { axis }) }, statistic };
}

/** The same for equal observations. */
export function keyOf({ subject, statistic }: Observation): string {
  const { of } = subject;
  return JSON.stringify(of === 'input' ? [statistic, of, subject.layer] : [statistic, of, subject.id, subject.axis ?? null]);
}
