import type { WritableBlock } from '../core/blocks/block-types.ts';
import type { ErrorCode } from '../core/error.ts';
import type {
  BlockRounding,
  CodingProfile,
  Compensation,
  Elements,
  Grid,
  Quantized,
  QuantizeSpec,
  Refined,
  RefinedVectors,
  Refinement,
  VectorGrid,
  VectorRefinement,
} from '../core/kernels.ts';

/** A unit of work: values to quantize, to integers or to ggml's blocks, or to code, with everything that takes. `values` own their buffer, for it changes hands. */
export type Unit =
  | IntegerUnit
  | BlockUnit
  | CompensationUnit
  | ProductUnit
  | RefinementUnit
  | VectorCompensationUnit
  | VectorRefinementUnit
  | CodingUnit;

interface IntegerUnit {
  readonly values: Float32Array<ArrayBuffer>;
  readonly spec: QuantizeSpec;
}

interface BlockUnit {
  readonly values: Float32Array<ArrayBuffer>;
  readonly type: WritableBlock;
  readonly how: BlockRounding;
}

/** Some rows of a matrix. */
interface CompensationUnit {
  readonly values: Float32Array<ArrayBuffer>;
  readonly grid: Grid;
  readonly compensation: Compensation;
}

/** Rows with rows, of so many columns. */
interface ProductUnit {
  readonly values: Float32Array<ArrayBuffer>;
  readonly others: Float32Array;
  readonly columns: number;
}

interface RefinementUnit {
  readonly values: Float32Array<ArrayBuffer>;
  readonly refinement: Refinement;
}

interface VectorCompensationUnit {
  readonly values: Float32Array<ArrayBuffer>;
  readonly vectors: VectorGrid;
  readonly by: Compensation;
}

interface VectorRefinementUnit {
  readonly values: Float32Array<ArrayBuffer>;
  readonly vectorRefinement: VectorRefinement;
}

interface CodingUnit {
  readonly values: Uint8Array<ArrayBuffer>;
  readonly elements: Elements;
  readonly profile: CodingProfile;
  /** What the values are coded as a difference to. */
  readonly base?: Uint8Array;
  /** What is known of them besides. */
  readonly beside?: Uint8Array;
}

/** What a worker is sent: first the kernels, compiled once for all workers, and then units. */
export type Message = { readonly module: WebAssembly.Module } | Unit;

/** What became of a unit: integers, or codes, or a product, or the bytes of blocks or of a coded chunk. */
export type Result = Quantized | Refined | RefinedVectors | Uint8Array | Float32Array;

interface Done {
  readonly result: Result;
  /** The memory of the unit's values comes back, for the next unit: fresh memory costs more than the copy into it. */
  readonly memory: ArrayBuffer;
}

/** What a worker answers, one answer a unit, in the order of the units. */
export type Answer = Done | { readonly code: ErrorCode; readonly message: string };
