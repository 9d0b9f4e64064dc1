import type { Compensation, Kernels } from '../core/kernels.ts';
import type { Layer } from '../core/layers.ts';
import type { Context } from '../core/method.ts';
import type { Gram } from '../core/observation.ts';

/** A Gram matrix made ready to compensate by. */
export interface Prepared extends Compensation {
  /** XᵀX with that, as it is stored, `[columns, columns]`. */
  readonly gram: Float32Array;
  /** Of the mean of the diagonal, what had to be added to it. */
  readonly damping: number;
}

/** What is added to the diagonal at most: from here on, columns that make up for one another gain nothing. */
const MOST_DAMPING = 10;

/** Of one group of inputs. */
export interface Seen {
  /** XᵀX, `[columns, columns]`. */
  readonly gram: Float64Array;
  readonly columns: number;
  /** Positions that it is a sum over. */
  readonly rows: number;
}

/**
 * @param damping  of the mean of the diagonal, at least: as much as so few positions need is taken, and more where the matrix takes it, in steps of ten
 * @param byMagnitude  columns that see the largest activations are rounded first, while all others can still make up for them
 * @param vector  neighbouring columns that are rounded together; it divides all
 * @returns undefined where nothing was seen, or too little to say anything of inputs that were not
 */
export async function prepareCompensation(
  { gram, columns, rows }: Seen,
  damping: number,
  byMagnitude: boolean,
  kernels: Pick<Kernels, 'inverseFactor'>,
  vector = 1,
): Promise<Prepared | undefined> {
  const diagonal = Float64Array.from({ length: columns }, (_, i) => gram[i * columns + i]!);
  const mean = diagonal.reduce((sum, value) => sum + value, 0) / columns;
  if (!(mean > 0) || !Number.isFinite(mean)) return undefined;
  const order = orderOf(diagonal, byMagnitude, vector);
  const shrunk = shrinkage(gram, columns, rows);
  for (let share = Math.max(damping, shrunk / (1 - shrunk)); share <= MOST_DAMPING; share *= 10) {
    const ordered = new Float64Array(columns * columns);
    for (let i = 0; i < columns; i++) {
      const row = order[i]! * columns;
      for (let j = i; j < columns; j++) ordered[i * columns + j] = gram[row + order[j]!]!;
      ordered[i * columns + i]! += share * mean;
    }
    const factor = await kernels.inverseFactor(ordered, columns);
    if (factor) return { order, factor, gram: damped(gram, columns, share * mean), damping: share };
  }
  return undefined;
}

function orderOf(diagonal: Float64Array, byMagnitude: boolean, vector: number): Uint32Array {
  const sizes = Float64Array.from({ length: diagonal.length / vector }, (_, i) =>
    diagonal.subarray(i * vector, (i + 1) * vector).reduce((sum, each) => sum + each, 0),
  );
  const vectors = Uint32Array.from(sizes.keys());
  if (byMagnitude) vectors.sort((a, b) => sizes[b]! - sizes[a]! || a - b);
  return Uint32Array.from(diagonal, (_, i) => vectors[Math.floor(i / vector)]! * vector + (i % vector));
}

function damped(gram: Float64Array, columns: number, more: number): Float32Array {
  const all = new Float32Array(gram);
  for (let i = 0; i < columns; i++) all[i * columns + i] = gram[i * columns + i]! + more;
  return all;
}

/**
 * What part of the estimate should be its mean on the diagonal instead, so that it is nearest to the matrix of all inputs there are: 1 where the
 * positions are so few that what they say is chance.
 * Source: Chen et al. 2010, Shrinkage algorithms for MMSE covariance estimation, https://arxiv.org/abs/0907.4698, equation 23 (OAS)
 */
function shrinkage(gram: Float64Array, columns: number, rows: number): number {
  let trace = 0;
  let squares = 0;
  for (let i = 0; i < columns; i++) trace += gram[i * columns + i]!;
  for (const value of gram) squares += value * value;
  const unequal = squares - (trace * trace) / columns;
  if (columns === 1 || unequal <= 0) return 0;
  return Math.min(1, ((1 - 2 / columns) * squares + trace * trace) / ((rows + 1 - 2 / columns) * unequal));
}

/** Rows of embeddings are looked up: nothing makes up for them. */
export function hasProduct({ uses }: Layer): boolean {
  return uses.every(({ kind }) => kind !== 'embedding');
}

/** Why a layer without one is left alone, in words for the user. */
export const NO_PRODUCT = 'is looked up: nothing to make up for';

/**
 * The same for each group of inputs, undefined where it was never seen; remembered, for every setting of a layer asks for it. Columns are filled up to whole vectors with
 * such as are never seen.
 * @param seen  the values' fingerprint
 */
export function prepareGroups(
  { values, groups, columns, rows }: Gram,
  seen: string,
  { damping, byMagnitude, vector = 1 }: { readonly damping: number; readonly byMagnitude: boolean; readonly vector?: number },
  { kernels, recall }: Pick<Context, 'kernels' | 'recall'>,
): Promise<(Prepared | undefined)[]> {
  const prepare = async () => {
    const size = columns * columns;
    const ready: (Prepared | undefined)[] = [];
    for (let group = 0; group < groups; group++) {
      const padded = Math.ceil(columns / vector) * vector;
      const gram = padSquare(values.subarray(group * size, (group + 1) * size), columns, padded);
      ready.push(await prepareCompensation({ gram, columns: padded, rows }, damping, byMagnitude, kernels, vector));
    }
    return ready;
  };
  return recall(`compensation ${JSON.stringify([damping, byMagnitude, vector, rows, groups, seen])}`, prepare, bytesOf);
}

function padSquare(gram: Float64Array, columns: number, padded: number): Float64Array {
  if (padded === columns) return gram;
  const whole = new Float64Array(padded * padded);
  for (let row = 0; row < columns; row++) whole.set(gram.subarray(row * columns, (row + 1) * columns), row * padded);
  return whole;
}

function bytesOf(groups: readonly (Prepared | undefined)[]): number {
  return groups.reduce((sum, each) => sum + (each ? each.factor.byteLength + each.gram.byteLength + each.order.byteLength : 0), 0);
}
