import type { Folded } from '../../core/engine.ts';
import type { Columns } from '../../core/observation.ts';
import { rowAxis } from '../matrix.ts';
import type { Reduction } from '../place.ts';
import { type Statistic, sizeOf } from '../statistic.ts';

/** The mean over rows of what `reduction` sums up: in f32 within a run, in f64 over runs. */
export function meanOf(reduction: Reduction): Statistic<Columns> {
  return {
    hows: ['sum', 'sum'],
    watch(seen, place) {
      const matrix = seen.matrix();
      return [sizeOf(matrix, place), { value: place.reduce(reduction, matrix.name, [rowAxis(matrix)]), rank: 2 }];
    },
    read([size, sums = new Float64Array()], groups) {
      const rows = countRows(size, sums.length);
      return { rows, groups, columns: sums.length / groups, values: sums.map((sum) => sum / rows) };
    },
    reorder: reorderColumns,
  };
}

/** @param across  elements of a row, in all groups */
export function countRows(size: Folded | undefined, across: number): number {
  return (size?.[0] ?? 0) / Math.max(1, across);
}

export function reorderColumns(result: Columns, order: readonly number[]): Columns {
  const { columns, values } = result;
  return { ...result, values: values.map((_, i) => values[i - (i % columns) + order[i % columns]!]!) };
}
