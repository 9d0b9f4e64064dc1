import { BLOCK_TYPES, type BlockTypeId } from './blocks/block-types.ts';
import { BITS, type DType, denseBytes, elementsOf, type Shape } from './dtype.ts';
import type { Numeric } from './numeric.ts';

/** How a weight is stored, without its values: what a plan knows and what a file format must be able to hold. `Tensor` is its twin with values. */
export type Layout = DenseLayout | AffineLayout | SparseLayout | BlocksLayout | LevelsLayout | CodebookLayout;

export interface DenseLayout {
  readonly kind: 'dense';
  readonly dtype: DType;
}

/** Integer codes with a scale (and zero point) per block: `(code - zero) * scale`. */
export interface AffineLayout {
  readonly kind: 'affine';
  readonly numeric: Numeric;
  /** Axes of the weight that are outputs, in order; the others are inputs. Together they make a matrix `[outputs, inputs]`. */
  readonly outputs: readonly number[];
  /** Inputs that share a scale; `row` for one scale per output. */
  readonly block: number | 'row';
  readonly scale: DenseLayout;
  /** How zero points are stored; absent: symmetric, the zero is the middle of the grid. */
  readonly zero?: DenseLayout;
  /** Which inputs share a scale is said input by input; a `block` of them does, but not of neighbours. */
  readonly order?: 'index';
}

/** Only the elements that are not zero, with their flat positions. */
export interface SparseLayout {
  readonly kind: 'sparse';
  readonly nonzero: number;
  readonly values: DenseLayout;
}

/** ggml's blocks, in which codes and their scales lie together. They run along the last axis, which whole blocks fill. */
export interface BlocksLayout {
  readonly kind: 'blocks';
  readonly type: BlockTypeId;
}

/**
 * Whole numbers, as large as they need to be, times a step of their output, and one of their input: what an entropy coder makes the most of. Numbers of 16 bits,
 * steps of 8; see `stepOf`.
 */
export interface LevelsLayout {
  readonly kind: 'levels';
  /** See `AffineLayout`. */
  readonly outputs: readonly number[];
  readonly inputSteps: boolean;
}

/**
 * Vectors of neighbouring inputs, each an entry of a book, or the sum of an entry of each of two books, times the scale of its output. Entries and scales are
 * halves. An output's last vector may reach beyond its inputs.
 */
export interface CodebookLayout {
  readonly kind: 'codebook';
  /** See `AffineLayout`. */
  readonly outputs: readonly number[];
  /** Inputs of a vector: 1 to 8. */
  readonly vector: number;
  readonly books: 1 | 2;
  /** Of each book: 2 to 256. */
  readonly entries: number;
}

/** Bits of what an index of a book is stored in. */
export function indexBits({ entries }: Pick<CodebookLayout, 'entries'>): 2 | 4 | 8 {
  return entries <= 4 ? 2 : entries <= 16 ? 4 : 8;
}

/** A weight seen as a matrix: `blocks` scales per row of `columns` inputs. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly block: number;
  readonly blocks: number;
}

export function matrixOf(layout: Pick<AffineLayout, 'outputs' | 'block'>, shape: Shape): Matrix {
  const rows = elementsOf(layout.outputs.map((axis) => shape[axis] ?? 1));
  const columns = rows === 0 ? 0 : elementsOf(shape) / rows;
  const block = layout.block === 'row' ? Math.max(1, columns) : layout.block;
  return { rows, columns, block, blocks: Math.ceil(columns / block) };
}

/**
 * Bytes of a weight's values in this layout, packed without gaps. The only place that knows; a format may add padding of its own,
 * which its `size` counts.
 */
export function bytesOf({ shape, layout }: { readonly shape: Shape; readonly layout: Layout }): number {
  switch (layout.kind) {
    case 'dense':
      return denseBytes(layout.dtype, shape);
    case 'sparse':
      return denseBytes(layout.values.dtype, [layout.nonzero]) + layout.nonzero * 8;
    case 'blocks': {
      const { values, bytes } = BLOCK_TYPES[layout.type];
      return (elementsOf(shape) / values) * bytes;
    }
    case 'levels': {
      const { rows, columns } = matrixOf({ ...layout, block: 'row' }, shape);
      return 2 * elementsOf(shape) + rows + (layout.inputSteps ? columns : 0);
    }
    case 'codebook': {
      const { rows, columns } = matrixOf({ ...layout, block: 'row' }, shape);
      const indices = rows * Math.ceil(columns / layout.vector) * layout.books;
      return Math.ceil((indices * indexBits(layout)) / 8) + 2 * (layout.books * layout.entries * layout.vector + rows);
    }
    case 'affine': {
      const { rows, columns, blocks } = matrixOf(layout, shape);
      const perBlock = BITS[layout.scale.dtype] + (layout.zero ? BITS[layout.zero.dtype] : 0);
      const index = layout.order === 'index' ? columns * 4 : 0;
      return Math.ceil((elementsOf(shape) * layout.numeric.bits) / 8) + Math.ceil((rows * blocks * perBlock) / 8) + index;
    }
  }
}
