import type { Fold, Folded, How } from '../core/engine.ts';
import type { Matrix } from './matrix.ts';
import type { Place } from './place.ts';

/** What a statistic looks at, in one place of a graph. */
export interface Seen {
  /** The value itself, in whatever shape. */
  readonly value: string;
  /** As a matrix; what that takes is added to the graph when it is first asked for. */
  matrix(): Matrix;
  /** Rows of the table, where the value is what looks them up. */
  readonly table?: number;
}

/** What is brought out of a graph to be folded. */
export type Watch = Omit<Fold, 'output' | 'how'> & { readonly value: string };

/** One kind of statistic: what it adds to the graph, so that results of a fixed size leave it, and how these read when all runs are folded. */
export interface Statistic<R> {
  /** How each of the watches is folded, wherever it looks: what a tied weight sees is folded together. */
  readonly hows: readonly How[];
  watch(seen: Seen, place: Place): readonly Watch[];
  read(folded: readonly Folded[], groups: number): R;
  /** Where columns were seen in another order: column `i` of the result is to be column `order[i]` of what was read. */
  reorder?(result: R, order: readonly number[]): R;
}

/** How many elements a matrix has. */
export function sizeOf(matrix: Matrix, place: Place): Watch {
  return { value: place.add('Size', [matrix.name]), rank: 0 };
}
