import { BLOCK_TYPES, type WritableBlock } from '../core/blocks/block-types.ts';
import { TersorError } from '../core/error.ts';
import type {
  BlockRounding,
  CodingProfile,
  Compensation,
  Elements,
  Grid,
  Quantized,
  QuantizeSpec,
  Refined,
  Refinement,
} from '../core/kernels.ts';
import type { Pool } from './pool.ts';
import { type Piece, piecesOf } from './tiles.ts';
import { unwritten } from './unwritten.ts';

/** About 2 ms of searching; a message to a worker and back costs a tenth of that, starting one takes 30 ms once. */
const WORTH_ELEMENTS = 65536;
/** The same of products of columns. */
const WORTH_PRODUCTS = 2 ** 23;
/** Rows that a kernel takes together. */
const STRIP = 8;

export function isWorthMoving(values: Float32Array, { fit }: QuantizeSpec): boolean {
  return fit !== 'absmax' && values.length >= WORTH_ELEMENTS;
}

/** Blocks that are rounded in about the time of a copy. */
const WITHOUT_SEARCH: readonly WritableBlock[] = ['Q8_0', 'Q4_0', 'Q4_1', 'Q5_0', 'Q5_1', 'MXFP4', 'TQ1_0', 'TQ2_0'];

export function areWorthMoving(values: Float32Array, type: WritableBlock, { search, importance }: BlockRounding): boolean {
  const isQuick = WITHOUT_SEARCH.includes(type) && search !== 'best' && !importance;
  return !isQuick && values.length >= WORTH_ELEMENTS;
}

/** Quantizes pieces of a matrix on the workers. */
export async function quantizeOn(pool: Pool, threads: number, values: Float32Array, spec: QuantizeSpec): Promise<Quantized> {
  const { rows, columns, block, bits, symmetric } = spec;
  const blocks = rows * Math.ceil(columns / block);
  const codes = new Uint8Array(unwritten(values.length));
  const scales = new Float32Array(blocks);
  const zeros = new Uint8Array(blocks);
  let peak = 0;
  const quantizePiece = async (piece: Piece) => {
    const part = await pool.run((memory) => ({
      values: copyOf(values.subarray(piece.start, piece.start + piece.rows * piece.columns), memory),
      spec: { ...spec, rows: piece.rows, columns: piece.columns, block: piece.block },
    }));
    if (!('peak' in part)) throw mixedUp();
    codes.set(part.codes, piece.start);
    scales.set(part.scales, piece.firstBlock);
    peak = Math.max(peak, part.peak);
    if (part.zeros) zeros.set(part.zeros, piece.firstBlock);
  };
  await Promise.all([...piecesOf(spec, pieceElements(values.length, threads))].map(quantizePiece));
  return symmetric ? { codes, scales, bits, peak } : { codes, scales, zeros, bits, peak };
}

/** Rounds runs of values on the workers: whole rows where importances say how long they are, otherwise whole blocks. */
export async function quantizeBlocksOn(
  pool: Pool,
  threads: number,
  values: Float32Array,
  type: WritableBlock,
  how: BlockRounding,
): Promise<Uint8Array> {
  const block = BLOCK_TYPES[type];
  const whole = how.importance?.length ?? block.values;
  const step = Math.max(1, Math.floor(pieceElements(values.length, threads) / whole)) * whole;
  const bytes = new Uint8Array(unwritten((values.length / block.values) * block.bytes));
  const roundRun = async (start: number) => {
    const part = await pool.run((memory) => ({ values: copyOf(values.subarray(start, start + step), memory), type, how }));
    if (!(part instanceof Uint8Array)) throw mixedUp();
    bytes.set(part, (start / block.values) * block.bytes);
  };
  await Promise.all(Array.from({ length: Math.ceil(values.length / step) }, (_, i) => roundRun(i * step)));
  return bytes;
}

/** Whether rows of a product of so many columns are worth handing to workers: each compares every column with all others. */
export function areRowsWorthMoving({ rows, columns }: Pick<Grid, 'rows' | 'columns'>): boolean {
  return rows >= 2 * STRIP && rows * columns * columns >= WORTH_PRODUCTS;
}

/** Rounds strips of rows on the workers. */
export async function compensateOn(pool: Pool, threads: number, values: Float32Array, grid: Grid, by: Compensation): Promise<Uint8Array> {
  const codes = new Uint8Array(values.length);
  const round = async (from: number, to: number) => {
    const part = await pool.run((memory) => ({
      values: rowsOf(values, grid, from, to, memory),
      grid: gridOf(grid, from, to),
      compensation: by,
    }));
    if (!(part instanceof Uint8Array)) throw mixedUp();
    codes.set(part, from * grid.columns);
  };
  await Promise.all(strips(grid.rows, threads).map(([from, to]) => round(from, to)));
  return codes;
}

/** Refines strips of rows on the workers. */
export async function refineOn(pool: Pool, threads: number, values: Float32Array, by: Refinement): Promise<Refined> {
  const { grid, codes } = by;
  const blocks = Math.ceil(grid.columns / grid.block);
  const better = { codes: new Uint8Array(codes.length), scales: new Float32Array(grid.scales.length) };
  const refine = async (from: number, to: number) => {
    const part = await pool.run((memory) => ({
      values: rowsOf(values, grid, from, to, memory),
      refinement: { ...by, grid: gridOf(grid, from, to), codes: codes.slice(from * grid.columns, to * grid.columns) },
    }));
    if (!('scales' in part)) throw mixedUp();
    better.codes.set(part.codes, from * grid.columns);
    better.scales.set(part.scales, from * blocks);
  };
  await Promise.all(strips(grid.rows, threads).map(([from, to]) => refine(from, to)));
  return better;
}

function rowsOf(values: Float32Array, { columns }: Grid, from: number, to: number, memory: ArrayBuffer | undefined) {
  return copyOf(values.subarray(from * columns, to * columns), memory);
}

function gridOf({ zeros, scales, ...grid }: Grid, from: number, to: number): Grid {
  const blocks = Math.ceil(grid.columns / grid.block);
  return {
    ...grid,
    rows: to - from,
    scales: scales.slice(from * blocks, to * blocks),
    ...(zeros && { zeros: zeros.slice(from * blocks, to * blocks) }),
  };
}

/** Whether products of rows are: each row of one matrix meets each of the other. */
export function isProductWorthMoving(a: Float32Array, b: Float32Array, columns: number): boolean {
  return (a.length / columns) * b.length >= WORTH_PRODUCTS;
}

/** Multiplies strips of rows of the second matrix with the first on the workers. */
export async function multiplyRowsOn(
  pool: Pool,
  threads: number,
  a: Float32Array,
  b: Float32Array,
  columns: number,
): Promise<Float32Array> {
  const [rows, others] = [a.length / columns, b.length / columns];
  const product = new Float32Array(unwritten(4 * rows * others));
  const multiply = async (from: number, to: number) => {
    const part = await pool.run((memory) => ({ values: copyOf(a, memory), others: b.slice(from * columns, to * columns), columns }));
    if (!(part instanceof Float32Array)) throw mixedUp();
    const wide = to - from;
    for (let row = 0; row < rows; row++) product.set(part.subarray(row * wide, (row + 1) * wide), row * others + from);
  };
  await Promise.all(strips(others, threads).map(([from, to]) => multiply(from, to)));
  return product;
}

/** About as many rows for each worker: a message takes the whole matrix of columns with it. */
export function strips(rows: number, threads: number): [number, number][] {
  const height = Math.ceil(rows / threads / STRIP) * STRIP;
  return Array.from({ length: Math.ceil(rows / height) }, (_, i) => [i * height, Math.min(rows, (i + 1) * height)]);
}

/** Codes a chunk on a worker. */
export async function encodeChunkOn(
  pool: Pool,
  bytes: Uint8Array,
  elements: Elements,
  profile: CodingProfile,
  base?: Uint8Array,
  beside?: Uint8Array,
): Promise<Uint8Array> {
  const coded = await pool.run((memory) => {
    const isEnough = memory && memory.byteLength >= bytes.length;
    const values = new Uint8Array(isEnough ? memory : unwritten(bytes.length), 0, bytes.length);
    values.set(bytes);
    return { values, elements, profile, ...(base && { base }), ...(beside && { beside }) };
  });
  if (!(coded instanceof Uint8Array)) throw mixedUp();
  return coded;
}

export function mixedUp(): TersorError {
  return new TersorError('INTERNAL', 'kernels', 'a worker answered something else');
}

export function copyOf(values: Float32Array, memory: ArrayBuffer | undefined): Float32Array<ArrayBuffer> {
  const isEnough = memory && memory.byteLength >= values.byteLength;
  const copy = new Float32Array(isEnough ? memory : unwritten(values.byteLength), 0, values.length);
  copy.set(values);
  return copy;
}

/** Large enough to be worth a message, small enough that no worker waits long for the last one. */
function pieceElements(elements: number, threads: number): number {
  return Math.min(2 ** 20, Math.max(WORTH_ELEMENTS / 4, Math.ceil(elements / (threads * 4))));
}
