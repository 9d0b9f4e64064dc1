import type { Columns } from '../../core/observation.ts';
import { rowAxis } from '../matrix.ts';
import { type Statistic, sizeOf } from '../statistic.ts';
import { countRows, reorderColumns } from './columns.ts';

/** From the least and the largest element of every column: magnitudes would be a copy of the whole value. */
export const outliers: Statistic<Columns> = {
  hows: ['sum', 'min', 'max'],
  watch(seen, place) {
    const matrix = seen.matrix();
    const axes = [rowAxis(matrix)];
    return [
      sizeOf(matrix, place),
      { value: place.reduce('ReduceMin', matrix.name, axes), rank: 2 },
      { value: place.reduce('ReduceMax', matrix.name, axes), rank: 2 },
    ];
  },
  read([size, least = new Float64Array(), largest = new Float64Array()], groups) {
    const values = least.map((low, i) => Math.max(-low, largest[i] ?? 0));
    return { rows: countRows(size, values.length), groups, columns: values.length / groups, values };
  },
  reorder: reorderColumns,
};
