import { BLOCK_TYPES, type WritableBlock } from '../core/blocks/block-types.ts';
import { TersorError } from '../core/error.ts';
import type {
  BlockRounding,
  BlockSpec,
  Compensation,
  Grid,
  LevelChoice,
  QuantizedBlocks,
  QuantizeSpec,
  Refinement,
  VectorGrid,
  VectorRefinement,
} from '../core/kernels.ts';

/** @throws SHAPE when the matrix, its block or its values do not fit together; OPTION_VALUE when there is no such grid */
export function checkQuantize(values: Float32Array, spec: QuantizeSpec): void {
  checkBlocks(values.length, spec);
  if (!isWhole(spec.bits) || spec.bits < 2 || spec.bits > 8) {
    throw new TersorError('OPTION_VALUE', 'kernels', `${spec.bits} bits`, 'the grids have 2 to 8 bits');
  }
}

/** @throws SHAPE when the codes, scales or zero points do not fit the matrix */
export function checkDequantize(blocks: QuantizedBlocks, spec: BlockSpec): void {
  checkBlocks(blocks.codes.length, spec);
  checkScales(blocks, spec);
}

function checkScales({ scales, zeros }: Pick<QuantizedBlocks, 'scales' | 'zeros'>, spec: BlockSpec): void {
  const blocks = spec.rows * Math.ceil(spec.columns / spec.block);
  if (scales.length !== blocks || (zeros && zeros.length !== blocks)) {
    throw new TersorError('SHAPE', nameOf(spec), `${scales.length} scales and ${zeros?.length ?? 'no'} zero points for ${blocks} blocks`);
  }
}

/** @throws SHAPE when the matrix, its scales and what makes up for its columns do not fit together */
export function checkCompensation(values: Float32Array, grid: Grid, { order, factor }: Compensation): void {
  checkBlocks(values.length, grid);
  checkScales(grid, grid);
  checkMatrix(factor.length, grid.columns, grid.columns);
  checkMatrix(order.length, 1, grid.columns);
}

/** @throws SHAPE when the matrix, its codes and scales and the Gram matrix do not fit together */
export function checkRefinement(values: Float32Array, { grid, codes, gram }: Refinement): void {
  checkBlocks(values.length, grid);
  checkScales(grid, grid);
  checkMatrix(codes.length, grid.rows, grid.columns);
  checkMatrix(gram.length, grid.columns, grid.columns);
}

/** @throws SHAPE when a matrix and the books and scales for its vectors do not fit together */
function checkVectors(values: Float32Array, { rows, columns, vector, count, entries, books, scales }: VectorGrid): void {
  checkMatrix(values.length, rows, columns);
  const isPossible = isWhole(vector) && vector >= 1 && vector <= 8 && columns % vector === 0;
  if (!isPossible) throw new TersorError('SHAPE', 'kernels', `vectors of ${vector} of ${columns} columns`);
  if (!(count === 1 || count === 2)) throw new TersorError('SHAPE', 'kernels', `${count} books`);
  if (!isWhole(entries) || entries < 1 || entries > 256) throw new TersorError('SHAPE', 'kernels', `books of ${entries} entries`);
  checkMatrix(books.length, count * entries, vector);
  checkMatrix(scales.length, 1, rows);
}

/** @throws SHAPE when vectors, what they count for and a book do not fit together */
export function checkClustering(values: Float32Array, weights: Float32Array, book: Float32Array, vector: number): void {
  if (!isWhole(vector) || vector < 1 || vector > 8) throw new TersorError('SHAPE', 'kernels', `vectors of ${vector} values`);
  checkMatrix(values.length, Math.floor(values.length / vector), vector);
  checkMatrix(weights.length, 1, values.length);
  checkMatrix(book.length, Math.floor(book.length / vector), vector);
  if (book.length === 0 || book.length > 256 * vector) throw new TersorError('SHAPE', 'kernels', `a book of ${book.length} values`);
}

/** @throws SHAPE when that and what makes up for columns do not fit together, or a vector's columns are not rounded one after the other */
export function checkVectorCompensation(values: Float32Array, grid: VectorGrid, { order, factor }: Compensation): void {
  checkVectors(values, grid);
  checkMatrix(factor.length, grid.columns, grid.columns);
  checkMatrix(order.length, 1, grid.columns);
  const isWholeVectors = order.every((column, i) => (i % grid.vector === 0 ? column % grid.vector === 0 : column === order[i - 1]! + 1));
  if (!isWholeVectors) throw new TersorError('SHAPE', 'kernels', 'columns of a vector are rounded together');
}

/** @throws SHAPE when that, indices and the Gram matrix do not fit together */
export function checkVectorRefinement(values: Float32Array, { grid, indices, gram }: VectorRefinement): void {
  checkVectors(values, grid);
  checkMatrix(indices.length, grid.count * grid.rows, grid.columns / grid.vector);
  if (indices.some((index) => index >= grid.entries)) throw new TersorError('SHAPE', 'kernels', 'an entry that is not in the book');
  if (gram) checkMatrix(gram.length, grid.columns, grid.columns);
}

/** @throws SHAPE when values, steps, contexts and what makes up for lines do not fit together */
export function checkLevelChoice(values: Float32Array, choice: LevelChoice): void {
  const { lines, length, lineSteps, placeSteps, lineContexts, placeContexts, run, rates, compensation } = choice;
  checkMatrix(values.length, lines, length);
  for (const each of [lineSteps, lineContexts]) checkMatrix(each.length, 1, lines);
  for (const each of [placeSteps, placeContexts]) checkMatrix(each.length, 1, length);
  checkMatrix(rates.length, 64, 64);
  if (!isWhole(run) || run < 1) throw new TersorError('SHAPE', 'kernels', `runs of ${run} places`);
  if (!compensation) return;
  checkMatrix(compensation.order.length, 1, lines);
  const groups = compensation.factors.length / lines ** 2;
  if (!isWhole(groups) || groups < 1 || length % groups !== 0)
    throw new TersorError('SHAPE', 'kernels', `${groups} groups of ${length} places`);
}

/** @throws SHAPE when there are not `rows * columns` values */
export function checkMatrix(length: number, rows: number, columns: number): void {
  if (isWhole(rows) && isWhole(columns) && rows * columns === length) return;
  throw new TersorError('SHAPE', `[${rows}, ${columns}]`, `the matrix has ${length} values`);
}

/** @throws SHAPE when `bytes` cannot hold `count` codes */
export function checkPacked(bytes: Uint8Array, bits: 2 | 4, count: number): void {
  if (isWhole(count) && bytes.length >= Math.ceil((count * bits) / 8)) return;
  throw new TersorError('SHAPE', `${count} codes of ${bits} bits`, `${bytes.length} bytes are too few`);
}

/** @throws SHAPE when the values, or rows as long as the importances, do not fill whole blocks */
export function checkWholeBlocks(length: number, type: WritableBlock, { importance }: BlockRounding): void {
  const { values } = BLOCK_TYPES[type];
  if (length % values !== 0) throw new TersorError('SHAPE', type, `${length} values are not whole blocks of ${values}`);
  if (!importance || (importance.length % values === 0 && importance.length > 0 && length % importance.length === 0)) return;
  throw new TersorError('SHAPE', type, `${importance.length} importances for ${length} values in blocks of ${values}`);
}

function checkBlocks(length: number, spec: BlockSpec): void {
  checkMatrix(length, spec.rows, spec.columns);
  if (!isWhole(spec.block) || spec.block < 1) throw new TersorError('SHAPE', nameOf(spec), `${spec.block} is no block size`);
}

function nameOf({ rows, columns, block }: BlockSpec): string {
  return `[${rows}, ${columns}] in blocks of ${block}`;
}

function isWhole(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
