import type { Gram } from '../../core/observation.ts';
import { type Matrix, rowAxis } from '../matrix.ts';
import type { Place } from '../place.ts';
import { type Statistic, sizeOf } from '../statistic.ts';
import { countRows } from './columns.ts';

/** Rows of a product in f32. More would lose precision (1 in 10^6 of the diagonal at 2^18 rows), and products in f64 take twice the time. */
const CHUNK = 4096;

/** A product of the matrix with itself: in f32 within a chunk of rows, in f64 over chunks and runs. */
export const gram: Statistic<Gram> = {
  hows: ['sum', 'sum'],
  watch(seen, place) {
    const matrix = seen.matrix();
    const { name, columnsFirst } = place.scope.opset < PADS_ARE_INPUT ? matrix : inChunks(matrix, place);
    const perm = place.scope.opset < PADS_ARE_INPUT ? [0, 2, 1] : [0, 1, 3, 2];
    const turned = place.add('Transpose', [name], { perm });
    const products = place.add('MatMul', columnsFirst ? [name, turned] : [turned, name]);
    return [sizeOf(matrix, place), { value: products, rank: 3 }];
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

/** Since when Pad takes amounts that are computed. */
const PADS_ARE_INPUT = 11;

/** A matrix with one axis more before it, chunks of rows of equal length, filled up with zeros: they add nothing. */
function inChunks(matrix: Matrix, place: Place): Matrix {
  const { name, columnsFirst } = matrix;
  const axis = rowAxis(matrix);
  const one = place.integers([1]);
  const rows = place.slice(place.add('Shape', [name]), axis, axis + 1, 0);
  const chunks = place.add('Add', [place.add('Div', [rows, place.integers([CHUNK])]), one]);
  const length = place.add('Div', [place.add('Sub', [place.add('Add', [rows, chunks]), one]), chunks]);
  const missing = place.add('Sub', [place.add('Mul', [chunks, length]), rows]);
  const join = (...parts: string[]) => place.add('Concat', parts, { axis: 0 });
  const pads = columnsFirst
    ? join(place.integers([0, 0, 0, 0, 0]), missing)
    : join(place.integers([0, 0, 0, 0]), missing, place.integers([0]));
  const filled = place.add('Pad', [name, pads]);
  const shape = columnsFirst
    ? join(place.integers([0, 0]), chunks, length)
    : join(place.integers([0]), chunks, length, place.integers([-1]));
  const perm = columnsFirst ? [2, 0, 1, 3] : [1, 0, 2, 3];
  return { name: place.add('Transpose', [place.add('Reshape', [filled, shape])], { perm }), columnsFirst };
}
