import { BLOCK_TYPES, type WritableBlock } from '../core/blocks/block-types.ts';
import { TersorError } from '../core/error.ts';
import type { BlockRounding, CodingProfile, Elements, Quantized, QuantizeSpec } from '../core/kernels.ts';
import type { Pool } from './pool.ts';
import { type Piece, piecesOf } from './tiles.ts';
import { unwritten } from './unwritten.ts';

/** About 2 ms of searching; a message to a worker and back costs a tenth of that, starting one takes 30 ms once. */
const WORTH_ELEMENTS = 65536;

export function isWorthMoving(values: Float32Array, { fit }: QuantizeSpec): boolean {
  return fit !== 'absmax' && values.length >= WORTH_ELEMENTS;
}

/** Blocks that are rounded in about the time of a copy. */
const WITHOUT_SEARCH: readonly WritableBlock[] = ['Q8_0', 'Q4_0', 'Q4_1', 'Q5_0', 'Q5_1'];

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
    if (part instanceof Uint8Array) throw mixedUp();
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

/** Codes a chunk on a worker. */
export async function encodeChunkOn(pool: Pool, bytes: Uint8Array, elements: Elements, profile: CodingProfile): Promise<Uint8Array> {
  const coded = await pool.run((memory) => {
    const isEnough = memory && memory.byteLength >= bytes.length;
    const values = new Uint8Array(isEnough ? memory : unwritten(bytes.length), 0, bytes.length);
    values.set(bytes);
    return { values, elements, profile };
  });
  if (!(coded instanceof Uint8Array)) throw mixedUp();
  return coded;
}

function mixedUp(): TersorError {
  return new TersorError('INTERNAL', 'kernels', 'a worker answered something else');
}

function copyOf(values: Float32Array, memory: ArrayBuffer | undefined): Float32Array<ArrayBuffer> {
  const isEnough = memory && memory.byteLength >= values.byteLength;
  const copy = new Float32Array(isEnough ? memory : unwritten(values.byteLength), 0, values.length);
  copy.set(values);
  return copy;
}

/** Large enough to be worth a message, small enough that no worker waits long for the last one. */
function pieceElements(elements: number, threads: number): number {
  return Math.min(2 ** 20, Math.max(WORTH_ELEMENTS / 4, Math.ceil(elements / (threads * 4))));
}
