import type { Layer } from '../core/layers.ts';
import type { CodebookLayout } from '../core/layout.ts';
import { integer, oneOf } from '../core/options.ts';

/** Of the methods that make books. */
export const CODEBOOK_OPTIONS = {
  vector: oneOf([1, 2, 3, 4, 5, 6, 7, 8], {
    default: 4,
    doc: 'Neighbouring weights, along the inputs, that one index stands for: 8 bits of it are 2 bits a weight for vectors of 4.',
    search: [4, 3, 2],
  }),
  books: oneOf([1, 2], { default: 1, doc: 'Books that a vector is a sum of entries of: an index for each.', search: [1, 2] }),
  entries: oneOf([4, 16, 64, 128, 256], {
    default: 256,
    doc: 'Vectors in a book. Indices take 8 bits; those of 16 entries 4, those of 4 entries 2.',
  }),
  rounds: integer(0, 50, {
    default: 4,
    doc: 'Times that entries are fitted to the vectors that have them, and vectors get other entries.',
  }),
  minimum: integer(1, 2 ** 31, { default: 128, doc: 'Weights with fewer elements are left alone.' }),
};

export function codebookLayout(
  { outputAxes }: Layer,
  { vector, books, entries }: Pick<CodebookLayout, 'vector' | 'books' | 'entries'>,
): CodebookLayout {
  return { kind: 'codebook', outputs: outputAxes, vector, books, entries };
}
