import { decode } from '../core/decode.ts';
import { TersorError } from '../core/error.ts';
import { toHalfPrecision } from '../core/half.ts';
import type { Kernels, VectorGrid } from '../core/kernels.ts';
import { type CodebookLayout, matrixOf } from '../core/layout.ts';
import { toMatrix } from '../core/matrix.ts';
import type { Weight } from '../core/model.ts';
import { type Random, randomFor } from '../core/random.ts';
import { scaleUnit } from '../core/scale-unit.ts';
import type { CodebookTensor } from '../core/tensor.ts';
import type { Prepared } from './compensate-rounding.ts';

/** Vectors that a book is first made of. */
const SAMPLE = 16384;
const CLUSTER_ROUNDS = 10;
/** A step of entries that loses more is taken back, and half of it tried. */
const LEAST_STEP = 1 / 16;

export interface VectorsAsked {
  /** Times that entries are fitted to the vectors that have them, and vectors get other entries. */
  readonly rounds: number;
  /** What makes up for errors, for each group of outputs; absent or undefined: nothing does. */
  readonly groups?: readonly (Prepared | undefined)[];
  /** Books that stay as they are, and the scale of a row of values; absent: both are made for the weight. */
  readonly settled?: { readonly books: Float32Array; scaleOf(row: Float32Array): number };
}

/**
 * A book for a weight, or two, and the entries of its vectors: k-means of some vectors, each weight counting as its input does; entries for all, of which those that come later make up for the
 * errors of others; then entries and books by turns, while less is lost.
 * @throws LAYOUT when a value is infinite or not a number
 */
export async function chooseVectors(
  weight: Weight,
  layout: CodebookLayout,
  { rounds, groups = [undefined], settled }: VectorsAsked,
  kernels: Kernels,
): Promise<CodebookTensor> {
  const { rows, columns: unpadded } = matrixOf({ ...layout, block: 'row' }, weight.shape);
  const { vector, books: count, entries } = layout;
  const columns = Math.ceil(unpadded / vector) * vector;
  const plain = toMatrix(decode(await weight.load()), weight.shape, layout.outputs);
  if ((await kernels.summarize(plain)).nonFinite > 0) {
    throw new TersorError('LAYOUT', weight.id, 'holds values that are infinite or not numbers', 'leave it out with a rule');
  }
  const matrix = padRows(plain, rows, unpadded, columns);
  const scaleOf = settled?.scaleOf ?? ((row) => Math.sqrt(row.reduce((sum, value) => sum + value ** 2, 0) / unpadded));
  const scales = scalesOf(matrix, rows, columns, scaleOf);
  const grid: VectorGrid = { rows, columns, vector, count, entries, scales, books: new Float32Array(count * entries * vector) };
  const books = settled?.books ?? (await firstBooks(matrix, grid, importancesOf(groups, columns), weight.id, kernels));
  const height = rows / groups.length;
  const parts = groups.map((ready, i) => ({
    ready,
    values: matrix.subarray(i * height * columns, (i + 1) * height * columns),
    grid: { ...grid, rows: height, scales: scales.subarray(i * height, (i + 1) * height) },
  }));
  const begin = (part: (typeof parts)[number]) =>
    part.ready
      ? kernels.compensateVectors(part.values, { ...part.grid, books }, part.ready)
      : new Uint8Array((count * part.values.length) / vector);
  const first = await inOrder(parts, begin);
  const refined = await refine({ indices: first, books }, rounds, !settled, async ({ indices, books }) => {
    const results = await inOrder(parts, (part, i) =>
      kernels.refineVectors(part.values, {
        grid: { ...part.grid, books },
        indices: indices[i]!,
        ...(part.ready && { gram: part.ready.gram }),
      }),
    );
    return {
      indices: results.map((each) => each.indices),
      before: results.reduce((sum, { losses }) => sum + losses[0], 0),
      after: results.reduce((sum, { losses }) => sum + losses[1], 0),
      slopes: results.map(({ slopes }) => slopes).reduce((sum, each) => sum.map((slope, i) => slope + each[i]!)),
    };
  });
  return {
    kind: 'codebook',
    shape: weight.shape,
    layout,
    indices: joined(refined.indices, count),
    books: refined.books,
    scales,
  };
}

interface State {
  readonly indices: readonly Uint8Array[];
  readonly books: Float32Array;
}

interface Pass {
  readonly indices: readonly Uint8Array[];
  readonly before: number;
  readonly after: number;
  readonly slopes: Float64Array;
}

/** Entries follow their vectors, and vectors their entries. Where vectors of an output depend on one another, steps of entries may be too large. */
async function refine(first: State, rounds: number, movesBooks: boolean, pass: (state: State) => Promise<Pass>): Promise<State> {
  let best = { ...(await pass(first)), books: first.books };
  let step = 1;
  for (let round = 0; round < rounds && step >= LEAST_STEP; round++) {
    const move = (entry: number, i: number) => {
      const [slope, curvature] = [best.slopes[2 * i]!, best.slopes[2 * i + 1]!];
      return toHalfPrecision(curvature > 0 ? entry + (step * slope) / curvature : entry);
    };
    const books = movesBooks ? best.books.map(move) : best.books;
    const next = await pass({ indices: best.indices, books });
    if (next.after < best.after) best = { ...next, books };
    else step /= movesBooks ? 2 : Number.POSITIVE_INFINITY;
  }
  return best;
}

function inOrder<T, R>(items: readonly T[], work: (item: T, i: number) => R | Promise<R>): Promise<R[]> {
  return items.reduce<Promise<R[]>>(async (before, item, i) => [...(await before), await work(item, i)], Promise.resolve([]));
}

/** Books before outputs. */
function joined(parts: readonly Uint8Array[], count: number): Uint8Array {
  const [first] = parts;
  if (first && parts.length === 1) return first;
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (let book = 0; book < count; book++) {
    for (const part of parts) {
      const own = part.subarray((book * part.length) / count, ((book + 1) * part.length) / count);
      all.set(own, at);
      at += own.length;
    }
  }
  return all;
}

function padRows(values: Float32Array, rows: number, columns: number, padded: number): Float32Array {
  if (padded === columns) return values;
  const all = new Float32Array(rows * padded);
  for (let row = 0; row < rows; row++) all.set(values.subarray(row * columns, (row + 1) * columns), row * padded);
  return all;
}

/** Of every output, as they will be stored. */
function scalesOf(matrix: Float32Array, rows: number, columns: number, scaleOf: (row: Float32Array) => number): Float32Array {
  const sizes = Float64Array.from({ length: rows }, (_, row) => scaleOf(matrix.subarray(row * columns, (row + 1) * columns)));
  const unit = scaleUnit(sizes.reduce((most, size) => Math.max(most, size), 0));
  return Float32Array.from(sizes, (size) => toHalfPrecision(size / unit) * unit);
}

/** How much an error in each column counts, as a part of what it does on average. */
function importancesOf(groups: readonly (Prepared | undefined)[], columns: number): Float64Array {
  const sums = new Float64Array(columns);
  for (const ready of groups) if (ready) for (let i = 0; i < columns; i++) sums[i]! += ready.gram[i * columns + i]!;
  const mean = sums.reduce((sum, each) => sum + each, 0) / columns;
  return mean > 0 ? sums.map((each) => each / mean) : sums.fill(1);
}

/** By k-means of vectors that are drawn by lot; the second of what the first leaves. */
async function firstBooks(
  matrix: Float32Array,
  { columns, vector, count, entries, scales }: VectorGrid,
  importances: Float64Array,
  id: string,
  kernels: Kernels,
): Promise<Float32Array> {
  const random = randomFor(0, `book of ${id}`);
  const vectors = matrix.length / vector;
  const size = Math.min(vectors, SAMPLE);
  const left = new Float32Array(size * vector);
  const weights = new Float32Array(size * vector);
  const most = scales.reduce((most, each) => Math.max(most, each), 0) || 1;
  for (let i = 0; i < size; i++) {
    const from = (size === vectors ? i : Math.floor(random() * vectors)) * vector;
    const scale = scales[Math.floor(from / columns)]!;
    for (let j = 0; j < vector; j++) {
      left[i * vector + j] = scale > 0 ? matrix[from + j]! / scale : 0;
      weights[i * vector + j] = importances[(from % columns) + j]! * (scale / most) ** 2;
    }
  }
  const books = new Float32Array(count * entries * vector);
  for (let book = 0; book < count; book++) {
    const start = spreadEntries(left, weights, vector, entries, random);
    const made = (await kernels.clusterVectors(left, weights, start, vector, CLUSTER_ROUNDS)).map(toHalfPrecision);
    books.set(made, book * entries * vector);
    if (book + 1 < count) subtractNearest(left, weights, made, vector);
  }
  return books;
}

/**
 * Vectors to begin with, each drawn by how far it is from those drawn before.
 * Source: Arthur and Vassilvitskii 2007, k-means++: the advantages of careful seeding
 */
function spreadEntries(values: Float32Array, weights: Float32Array, vector: number, entries: number, random: Random): Float32Array {
  const count = values.length / vector;
  const book = new Float32Array(entries * vector);
  const least = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  let next = Math.floor(random() * count);
  for (let k = 0; k < entries; k++) {
    const entry = values.subarray(next * vector, (next + 1) * vector);
    book.set(entry, k * vector);
    let sum = 0;
    for (let i = 0, at = 0; i < count; i++) {
      let cost = 0;
      for (let j = 0; j < vector; j++, at++) cost += weights[at]! * (values[at]! - entry[j]!) ** 2;
      if (cost < least[i]!) least[i] = cost;
      sum += least[i]!;
    }
    let left = random() * sum;
    for (next = 0; next < count - 1 && left >= least[next]!; next++) left -= least[next]!;
  }
  return book;
}

function subtractNearest(left: Float32Array, weights: Float32Array, book: Float32Array, vector: number): void {
  for (let at = 0; at < left.length; at += vector) {
    let [nearest, least] = [0, Number.POSITIVE_INFINITY];
    for (let entry = 0; entry < book.length; entry += vector) {
      let cost = 0;
      for (let j = 0; j < vector; j++) cost += weights[at + j]! * (left[at + j]! - book[entry + j]!) ** 2;
      if (cost < least) [nearest, least] = [entry, cost];
    }
    for (let j = 0; j < vector; j++) left[at + j]! -= book[nearest + j]!;
  }
}
