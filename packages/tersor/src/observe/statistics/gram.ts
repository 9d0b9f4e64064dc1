import type { Gram } from '../../core/observation.ts';
import { type Statistic, sizeOf } from '../statistic.ts';
import { countRows } from './columns.ts';

/** A product of the matrix with itself: in f32 within a run, in f64 over runs. */
export const gram: Statistic<Gram> = {
  watch(seen, place) {
    const matrix = seen.matrix();
    const { name, columnsFirst } = matrix;
    const turned = place.add('Transpose', [name], { perm: [0, 2, 1] });
    const products = place.add('MatMul', columnsFirst ? [name, turned] : [turned, name]);
    return [sizeOf(matrix, place), { value: products, how: 'sum', rank: 3 }];
  },
  read([size, values = new Float64Array()], groups) {
    const columns = Math.sqrt(values.length / groups);
    return { rows: countRows(size, groups * columns), groups, columns, values };
  },
  reorder(result, order) {
    const { groups, columns, values } = result;
    const moved = new Float64Array(values.length);
    for (let group = 0, to = 0; group < groups; group++) {
      const start = group * columns * columns;
      for (const row of order) for (const column of order) moved[to++] = values[start + row * columns + column]!;
    }
    return { ...result, values: moved };
  },
};
