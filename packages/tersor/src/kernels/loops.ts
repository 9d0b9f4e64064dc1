import type { WritableBlock } from '../core/blocks/block-types.ts';
import type { Tally } from '../core/histogram.ts';
import type {
  BlockRounding,
  BlockSpec,
  Compensation,
  Grid,
  LevelChoice,
  Quantized,
  QuantizedBlocks,
  QuantizeSpec,
  Refined,
  RefinedVectors,
  Refinement,
  Summary,
  VectorGrid,
  VectorRefinement,
} from '../core/kernels.ts';
import type { CodingLoops } from './coder/coding.ts';

/** `Kernels` without the workers: the same loops, run where they are called. The readable reference and the WASM twin both have this shape. */
export interface Loops extends CodingLoops {
  quantize(values: Float32Array, spec: QuantizeSpec): Quantized;
  dequantize(blocks: QuantizedBlocks, spec: BlockSpec): Float32Array;
  transpose<T extends Float32Array | Uint8Array>(values: T, rows: number, columns: number): T;
  toHalf(values: Float32Array, unit?: number): Uint16Array;
  fromHalf(bits: Uint16Array): Float32Array;
  toBfloat16(values: Float32Array): Uint16Array;
  fromBfloat16(bits: Uint16Array): Float32Array;
  pack(codes: Uint8Array, bits: 2 | 4): Uint8Array;
  unpack(bytes: Uint8Array, bits: 2 | 4, count: number): Uint8Array;
  summarize(values: Float32Array): Summary;
  /** Counts values in the bins of a tally. */
  countInto(tally: Tally, values: Float32Array): void;
  inverseFactor(matrix: Float64Array, size: number): Float64Array | undefined;
  /** A Bᵀ, `[rows of A, rows of B]`, of matrices with as many columns, sums in f32. Zeros at the ends of rows take no time. */
  multiplyRows(a: Float32Array, b: Float32Array, columns: number): Float32Array;
  compensate(values: Float32Array, grid: Grid, by: Compensation): Uint8Array;
  refine(values: Float32Array, by: Refinement): Refined;
  clusterVectors(values: Float32Array, weights: Float32Array, book: Float32Array, vector: number, rounds: number): Float32Array;
  compensateVectors(values: Float32Array, grid: VectorGrid, by: Compensation): Uint8Array;
  refineVectors(values: Float32Array, by: VectorRefinement): RefinedVectors;
  chooseLevels(values: Float32Array, choice: LevelChoice): Int16Array;
  /** ggml's blocks, those of its reference quantizer unless told. The values fill whole blocks. */
  quantizeBlocks(values: Float32Array, type: WritableBlock, how?: BlockRounding): Uint8Array;
  /** 1 for the two of every four neighbours with the largest |value| * norm of the column. `norms` has one entry a column, a multiple of 4. */
  maskTwoOfFour(values: Float32Array, norms: Float32Array): Uint8Array;
  /** 1 for the `keep` largest |value| * norm of every row. */
  maskRows(values: Float32Array, norms: Float32Array, keep: number): Uint8Array;
}
