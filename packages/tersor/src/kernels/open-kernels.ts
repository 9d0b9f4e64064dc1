import { TersorError } from '../core/error.ts';
import type { Kernels, Quantized, QuantizeSpec } from '../core/kernels.ts';
import { checkDequantize, checkMatrix, checkPacked, checkQuantize, checkWholeBlocks } from './check.ts';
import type { Loops } from './loops.ts';
import { openPool, type Pool } from './pool.ts';
import { availableThreads } from './start-worker.ts';
import { type Piece, piecesOf } from './tiles.ts';
import { unwritten } from './unwritten.ts';
import { compileKernels, wasmLoops } from './wasm.ts';

export interface KernelsOptions {
  /** Workers at most; 0 does everything where it is called. Default: one per processor. */
  readonly threads?: number;
}

/**
 * Opens the kernels. Searches (mse, hqq) over large inputs run on workers, which start when the first one is needed; everything else
 * takes less time than handing its bytes to a worker and back. The result does not depend on the number of threads.
 */
export async function openKernels({ threads = availableThreads() }: KernelsOptions = {}): Promise<Kernels> {
  if (!Number.isInteger(threads) || threads < 0) {
    throw new TersorError('OPTION_VALUE', 'kernels', `threads = ${threads}`, 'it takes a whole number, 0 or more');
  }
  const loops = wasmLoops(await compileKernels());
  const pool = openPool(threads);
  let isOpen = true;
  /** Runs a loop here, with its errors as rejections. */
  const run = async <T>(loop: () => T | Promise<T>): Promise<T> => {
    if (!isOpen) throw new TersorError('USAGE', 'kernels', 'they are closed');
    return loop();
  };
  return {
    quantize: (values, spec) =>
      run(() => {
        checkQuantize(values, spec);
        if (!pool.works() || !isWorthMoving(values, spec)) return loops.quantize(values, spec);
        const { transposed, ...plain } = spec;
        const matrix = transposed ? loops.transpose(values, spec.columns, spec.rows) : values;
        return quantizeOn(pool, threads, matrix, plain).catch((error: unknown) => {
          if (pool.works()) throw error;
          return loops.quantize(matrix, plain);
        });
      }),
    quantizeBlocks: (values, type, search) =>
      run(() => {
        checkWholeBlocks(values.length, type);
        return loops.quantizeBlocks(values, type, search);
      }),
    dequantize: (blocks, spec) =>
      run(() => {
        checkDequantize(blocks, spec);
        return loops.dequantize(blocks, spec);
      }),
    transpose: (values, rows, columns) =>
      run(() => {
        checkMatrix(values.length, rows, columns);
        return loops.transpose(values, rows, columns);
      }),
    unpack: (bytes, bits, count) =>
      run(() => {
        checkPacked(bytes, bits, count);
        return loops.unpack(bytes, bits, count);
      }),
    ...elementwise(loops, run),
    async close() {
      isOpen = false;
      await pool.close();
    },
  };
}

type Elementwise = 'toHalf' | 'fromHalf' | 'toBfloat16' | 'fromBfloat16' | 'pack' | 'summarize';

function elementwise(loops: Loops, run: <T>(loop: () => T) => Promise<T>): Pick<Kernels, Elementwise> {
  return {
    toHalf: (values, unit) => run(() => loops.toHalf(values, unit)),
    fromHalf: (bits) => run(() => loops.fromHalf(bits)),
    toBfloat16: (values) => run(() => loops.toBfloat16(values)),
    fromBfloat16: (bits) => run(() => loops.fromBfloat16(bits)),
    pack: (codes, bits) => run(() => loops.pack(codes, bits)),
    summarize: (values) => run(() => loops.summarize(values)),
  };
}

/** About 2 ms of searching; a message to a worker and back costs a tenth of that, starting one takes 30 ms once. */
const WORTH_ELEMENTS = 65536;

function isWorthMoving(values: Float32Array, { fit }: QuantizeSpec): boolean {
  return fit !== 'absmax' && values.length >= WORTH_ELEMENTS;
}

async function quantizeOn(pool: Pool, threads: number, values: Float32Array, spec: QuantizeSpec): Promise<Quantized> {
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
    codes.set(part.codes, piece.start);
    scales.set(part.scales, piece.firstBlock);
    peak = Math.max(peak, part.peak);
    if (part.zeros) zeros.set(part.zeros, piece.firstBlock);
  };
  await Promise.all([...piecesOf(spec, pieceElements(values.length, threads))].map(quantizePiece));
  return symmetric ? { codes, scales, bits, peak } : { codes, scales, zeros, bits, peak };
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
