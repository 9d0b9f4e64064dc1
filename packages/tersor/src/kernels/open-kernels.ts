import { TersorError } from '../core/error.ts';
import type { Kernels } from '../core/kernels.ts';
import {
  checkClustering,
  checkCompensation,
  checkDequantize,
  checkLevelChoice,
  checkMatrix,
  checkPacked,
  checkQuantize,
  checkRefinement,
  checkVectorCompensation,
  checkVectorRefinement,
  checkWholeBlocks,
} from './check.ts';
import { encodeChunk } from './coder/encode-chunk.ts';
import { encodeOnBase } from './coder/encode-on-base.ts';
import { inverseFactor } from './inverse-factor.ts';
import type { Loops } from './loops.ts';
import { openPool } from './pool.ts';
import {
  areRowsWorthMoving,
  areWorthMoving,
  compensateOn,
  encodeChunkOn,
  isProductWorthMoving,
  isWorthMoving,
  multiplyRowsOn,
  quantizeBlocksOn,
  quantizeOn,
  refineOn,
} from './spread.ts';
import { areVectorsWorthMoving, compensateVectorsOn, refineVectorsOn } from './spread-vectors.ts';
import { availableThreads } from './start-worker.ts';
import { compileKernels, wasmLoops } from './wasm.ts';

export interface KernelsOptions {
  /** Workers at most; 0 does everything where it is called. Default: one per processor. */
  readonly threads?: number;
}

/**
 * Opens the kernels. Searches (mse, hqq, those of ggml) and rounding whose errors make up for one another run on workers where inputs are large; everything else
 * takes less time than handing its bytes to a worker and back. The result does not depend on the number of threads.
 */
export async function openKernels({ threads = availableThreads() }: KernelsOptions = {}): Promise<Kernels> {
  if (!Number.isInteger(threads) || threads < 0) {
    throw new TersorError('OPTION_VALUE', 'kernels', `threads = ${threads}`, 'it takes a whole number, 0 or more');
  }
  const module = await compileKernels();
  const loops = wasmLoops(module);
  const pool = openPool(threads, module);
  let isOpen = true;
  /** Runs a loop here, with its errors as rejections. */
  const run = async <T>(loop: () => T | Promise<T>): Promise<T> => {
    if (!isOpen) throw new TersorError('USAGE', 'kernels', 'they are closed');
    return loop();
  };
  /** Runs a loop on the workers, or here when there are none. */
  const spread = <T>(onWorkers: () => Promise<T>, here: () => T | Promise<T>): Promise<T> =>
    onWorkers().catch((error: unknown) => {
      if (pool.works()) throw error;
      return here();
    });
  const multiplyRows = async (a: Float32Array, b: Float32Array, columns: number) => {
    const here = () => loops.multiplyRows(a, b, columns);
    return pool.works() && isProductWorthMoving(a, b, columns) ? spread(() => multiplyRowsOn(pool, threads, a, b, columns), here) : here();
  };
  return {
    quantize: (values, spec) =>
      run(() => {
        checkQuantize(values, spec);
        if (!pool.works() || !isWorthMoving(values, spec)) return loops.quantize(values, spec);
        const { transposed, ...plain } = spec;
        const matrix = transposed ? loops.transpose(values, spec.columns, spec.rows) : values;
        return spread(
          () => quantizeOn(pool, threads, matrix, plain),
          () => loops.quantize(matrix, plain),
        );
      }),
    quantizeBlocks: (values, type, how = {}) =>
      run(() => {
        checkWholeBlocks(values.length, type, how);
        const here = () => loops.quantizeBlocks(values, type, how);
        if (!pool.works() || !areWorthMoving(values, type, how)) return here();
        return spread(() => quantizeBlocksOn(pool, threads, values, type, how), here);
      }),
    encodeChunk: (bytes, elements, profile = 'default', base, beside) =>
      run(() => {
        if (elements.count * elements.width !== bytes.length || (base && base.length !== bytes.length))
          throw new TersorError('SHAPE', 'kernels', `${bytes.length} bytes of ${elements.count} elements`);
        const here = () =>
          base ? encodeOnBase(loops, bytes, elements, base, profile) : encodeChunk(loops, bytes, elements, profile, beside);
        if (!pool.works() || bytes.length < 65536) return here();
        return spread(() => encodeChunkOn(pool, bytes, elements, profile, base, beside), here);
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
    inverseFactor: (matrix, size) =>
      run(() => {
        checkMatrix(matrix.length, size, size);
        return inverseFactor(matrix, size, loops, multiplyRows);
      }),
    multiplyRows: (a, b, columns) =>
      run(() => {
        checkMatrix(a.length, a.length / columns, columns);
        checkMatrix(b.length, b.length / columns, columns);
        return multiplyRows(a, b, columns);
      }),
    compensate: (values, grid, by) =>
      run(() => {
        checkCompensation(values, grid, by);
        const here = () => loops.compensate(values, grid, by);
        return pool.works() && areRowsWorthMoving(grid) ? spread(() => compensateOn(pool, threads, values, grid, by), here) : here();
      }),
    refine: (values, by) =>
      run(() => {
        checkRefinement(values, by);
        const here = () => loops.refine(values, by);
        return pool.works() && areRowsWorthMoving(by.grid) ? spread(() => refineOn(pool, threads, values, by), here) : here();
      }),
    clusterVectors: (values, weights, book, vector, rounds) =>
      run(() => {
        checkClustering(values, weights, book, vector);
        return loops.clusterVectors(values, weights, book, vector, rounds);
      }),
    compensateVectors: (values, grid, by) =>
      run(() => {
        checkVectorCompensation(values, grid, by);
        const here = () => loops.compensateVectors(values, grid, by);
        if (!pool.works() || !areVectorsWorthMoving(grid)) return here();
        return spread(() => compensateVectorsOn(pool, threads, values, grid, by), here);
      }),
    refineVectors: (values, by) =>
      run(() => {
        checkVectorRefinement(values, by);
        const here = () => refineVectorsOn(undefined, loops, values, by);
        if (!pool.works() || !areVectorsWorthMoving(by.grid)) return here();
        return spread(() => refineVectorsOn(pool, loops, values, by), here);
      }),
    chooseLevels: (values, choice) =>
      run(() => {
        checkLevelChoice(values, choice);
        return loops.chooseLevels(values, choice);
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
