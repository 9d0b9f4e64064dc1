import type { BlockTypeId } from './blocks/block-types.ts';
import type { DType, Shape } from './dtype.ts';
import type { AffineLayout, CodebookLayout, LevelsLayout } from './layout.ts';

/** A weight with its values: `Layout`'s twin. */
export type Tensor = DenseTensor | AffineTensor | SparseTensor | BlocksTensor | LevelsTensor | CodebookTensor;

/** Little-endian bytes, as every format stores them. */
export interface DenseTensor {
  readonly kind: 'dense';
  readonly dtype: DType;
  readonly shape: Shape;
  readonly bytes: Uint8Array;
}

export interface AffineTensor {
  readonly kind: 'affine';
  readonly shape: Shape;
  readonly layout: AffineLayout;
  /** `[outputs, inputs]` of `matrixOf(layout, shape)`, one code a byte. */
  readonly codes: Uint8Array;
  /** `[outputs, blocks]`, already rounded to `layout.scale.dtype`. */
  readonly scales: Float32Array;
  /** In the shape of `scales`, as codes; present exactly when the layout has a `zero`. */
  readonly zeros?: Uint8Array;
  /** Of every input, the number of its block; present exactly when the layout has an `order`. */
  readonly order?: Uint32Array;
}

export interface SparseTensor {
  readonly kind: 'sparse';
  readonly shape: Shape;
  readonly values: DenseTensor;
  /** Flat row-major positions of the values, ascending. */
  readonly indices: Float64Array;
}

export interface LevelsTensor {
  readonly kind: 'levels';
  readonly shape: Shape;
  readonly layout: LevelsLayout;
  /** `[outputs, inputs]`. */
  readonly levels: Int16Array;
  /** Of every output, in quarters of octaves: see `stepOf`. */
  readonly outputSteps: Int8Array;
  /** Of every input; present exactly when the layout has them. */
  readonly inputSteps?: Int8Array;
}

export interface CodebookTensor {
  readonly kind: 'codebook';
  readonly shape: Shape;
  readonly layout: CodebookLayout;
  /** `[books, outputs, vectors]`. */
  readonly indices: Uint8Array;
  /** `[books, entries, vector]`, halves. */
  readonly books: Float32Array;
  /** Of every output: halves in units of a power of two of the weight's own. */
  readonly scales: Float32Array;
}

export interface BlocksTensor {
  readonly kind: 'blocks';
  readonly type: BlockTypeId;
  readonly shape: Shape;
  /** One block after the other, as ggml has them. */
  readonly bytes: Uint8Array;
}
