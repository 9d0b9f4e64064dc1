import { elementsOf, type Shape } from '../../../core/dtype.ts';
import { loadCodes, loadFloats } from './load-codes.ts';
import type { Entries, Index, Integers, Narrow, Origin, Scales, Whole } from './term.ts';
import { inShape } from './whole.ts';

/** Rows of a table of vectors, looked up by indices that are constant. */
export function lookedUpEntries(book: Narrow, indices: Index | Integers, origin: Origin): Entries | undefined {
  const [entries = 0, vector = 0, ...more] = book.stored.shape;
  const shape = indices.kind === 'index' ? indices.stored.shape : indices.shape;
  const [rows = 0, vectors = 0, ...rest] = shape;
  const isBook = book.stored.weight.dtype === 'f16' && book.dtype === 'f32' && more.length === 0 && vector >= 1 && vector <= 8;
  if (!isBook || rest.length > 0 || entries < 2 || entries > 256) return undefined;
  const load = async () => ({
    indices: indices.kind === 'index' ? await loadCodes(indices.stored.weight) : await indices.load(),
    values: await loadFloats(book.stored.weight),
  });
  return { ...origin, kind: 'entries', shape: [rows, vectors, vector], rows, vectors, vector, entries, books: [load] };
}

/** Sums of entries of two books. */
export function addedEntries(first: Entries, second: Entries, origin: Origin): Entries | undefined {
  const isAlike =
    first.shape.join() === second.shape.join() && first.shape.length === 3 && first.entries === second.entries && first.books.length === 1;
  return isAlike && second.books.length === 1 ? { ...first, ...origin, books: [...first.books, ...second.books] } : undefined;
}

/** Vectors behind one another. */
export function flatEntries(entries: Entries, shape: Shape, origin: Origin): Entries | undefined {
  const { rows, vectors, vector } = entries;
  return entries.shape.length === 3 && shape.join() === [rows, vectors * vector].join() ? { ...entries, ...origin, shape } : undefined;
}

/** Without what the last vector of a row has beyond it. */
export function cutEntries(entries: Entries, columns: number, origin: Origin): Entries | undefined {
  const [rows = 0, width = 0, ...more] = entries.shape;
  const isPadding = more.length === 0 && columns <= width && columns > width - entries.vector;
  return isPadding ? { ...entries, ...origin, shape: [rows, columns] } : undefined;
}

/** With a scale for each row: a weight as a matrix. */
export function scaledEntries(found: Entries, scales: Scales, origin: Origin): Whole | undefined {
  const { shape, rows, entries, vector, books } = found;
  if (shape.length !== 2 || scales.spread || scales.shape.join() !== [rows, 1].join() || elementsOf(shape) === 0) return undefined;
  const layout = { kind: 'codebook', outputs: [0], vector, books: books.length === 2 ? 2 : 1, entries } as const;
  const load: Whole['load'] = async () => {
    const parts = await Promise.all(books.map((each) => each()));
    return {
      kind: 'codebook',
      shape,
      layout,
      indices: Uint8Array.from(parts.flatMap(({ indices }) => [...indices])),
      books: Float32Array.from(parts.flatMap(({ values }) => [...values])),
      scales: await scales.load(),
    };
  };
  return { ...origin, kind: 'whole', shape, dtype: 'f32', layout, load };
}

/** A matrix in the weight's own shape, outputs first. */
export function reshapedMatrix(weight: Whole, shape: Shape, origin: Origin): Whole | undefined {
  const [rows = 0] = weight.shape;
  if (weight.layout.kind !== 'codebook' || weight.shape.length !== 2 || weight.layout.outputs.join() !== '0') return undefined;
  let [axes, product] = [0, 1];
  while (axes < shape.length && product < rows) product *= shape[axes++] ?? 1;
  if (product !== rows || elementsOf(shape) !== elementsOf(weight.shape)) return undefined;
  const outputs = Array.from({ length: axes }, (_, axis) => axis);
  return inShape(weight, shape, outputs, origin);
}
