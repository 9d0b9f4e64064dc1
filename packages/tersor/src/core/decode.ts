import { BLOCK_TYPES } from './blocks/block-types.ts';
import { BITS, elementsOf, type Shape } from './dtype.ts';
import { TersorError } from './error.ts';
import { e4m3, e5m2 } from './float8.ts';
import { fromBfloat16, fromHalf } from './half.ts';
import { matrixOf } from './layout.ts';
import { fromMatrix } from './matrix.ts';
import { stepOf } from './steps.ts';
import type { AffineTensor, BlocksTensor, CodebookTensor, DenseTensor, LevelsTensor, SparseTensor, Tensor } from './tensor.ts';

/**
 * The values a runtime will compute with, as 32-bit floats in the weight's own shape and order. Every layout has them, so every method
 * can be measured the same way. For f64 and integers wider than 24 bits the result is rounded; `integersOf` reads those exactly.
 */
export function decode(tensor: Tensor): Float32Array {
  switch (tensor.kind) {
    case 'dense':
      return decodeDense(tensor);
    case 'affine':
      return decodeAffine(tensor);
    case 'sparse':
      return decodeSparse(tensor);
    case 'blocks':
      return decodeBlocks(tensor);
    case 'levels':
      return decodeLevels(tensor);
    case 'codebook':
      return decodeCodebook(tensor);
  }
}

/** @throws FILE_CORRUPT when there are fewer bytes than the shape needs */
function decodeDense({ dtype, shape, bytes }: DenseTensor): Float32Array {
  const count = elementsOf(shape);
  if (bytes.byteLength < Math.ceil((count * BITS[dtype]) / 8)) {
    throw new TersorError('FILE_CORRUPT', `[${shape}] ${dtype}`, `${bytes.byteLength} bytes are too few`);
  }
  switch (dtype) {
    case 'f32':
      return aligned(bytes, Float32Array, count);
    case 'f64':
      return Float32Array.from(aligned(bytes, Float64Array, count));
    case 'f16':
      return fromHalf(aligned(bytes, Uint16Array, count));
    case 'bf16':
      return fromBfloat16(aligned(bytes, Uint16Array, count));
    case 'i8':
      return Float32Array.from(aligned(bytes, Int8Array, count));
    case 'u8':
    case 'bool':
      return Float32Array.from(aligned(bytes, Uint8Array, count));
    case 'i16':
      return Float32Array.from(aligned(bytes, Int16Array, count));
    case 'u16':
      return Float32Array.from(aligned(bytes, Uint16Array, count));
    case 'i32':
      return Float32Array.from(aligned(bytes, Int32Array, count));
    case 'u32':
      return Float32Array.from(aligned(bytes, Uint32Array, count));
    case 'i64':
      return Float32Array.from(aligned(bytes, BigInt64Array, count), Number);
    case 'f8e4m3':
    case 'f8e5m2': {
      const table = (dtype === 'f8e4m3' ? e4m3 : e5m2).values;
      return Float32Array.from(aligned(bytes, Uint8Array, count), (code) => table[code]!);
    }
    case 'u64':
      return Float32Array.from(aligned(bytes, BigUint64Array, count), Number);
    default:
      throw new TersorError('LAYOUT', `[${shape}] ${dtype}`, 'has no values that can be computed with yet');
  }
}

function decodeAffine(tensor: AffineTensor): Float32Array {
  const { shape, layout, codes, scales, zeros } = tensor;
  if (tensor.order || layout.numeric.values) return decodeByTable(tensor);
  const { rows, columns, block, blocks } = matrixOf(layout, shape);
  const values = new Float32Array(codes.length);
  for (let row = 0; row < rows; row++) {
    for (let b = 0; b < blocks; b++) {
      const scale = scales[row * blocks + b]!;
      const zero = zeros ? zeros[row * blocks + b]! : -layout.numeric.lo;
      const end = row * columns + Math.min(columns, (b + 1) * block);
      for (let i = row * columns + b * block; i < end; i++) values[i] = (codes[i]! - zero) * scale;
    }
  }
  return fromMatrix(values, shape, layout.outputs);
}

/** The same for codes that are no integers, and for blocks that are no neighbours. */
function decodeByTable({ shape, layout, codes, scales, zeros, order }: AffineTensor): Float32Array {
  const { rows, columns, block, blocks } = matrixOf(layout, shape);
  const { numeric } = layout;
  const table = numeric.values && Float64Array.from(numeric.values);
  const values = new Float32Array(codes.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const [i, at] = [row * columns + column, row * blocks + (order ? order[column]! : Math.floor(column / block))];
      const step = table ? table[codes[i]!]! : codes[i]! - (zeros ? zeros[at]! : -numeric.lo);
      values[i] = step * scales[at]!;
    }
  }
  return fromMatrix(values, shape, layout.outputs);
}

function decodeSparse({ shape, values, indices }: SparseTensor): Float32Array {
  const dense = new Float32Array(elementsOf(shape));
  decodeDense(values).forEach((value, i) => {
    dense[indices[i]!] = value;
  });
  return dense;
}

function decodeBlocks({ type, shape, bytes }: BlocksTensor): Float32Array {
  const block = BLOCK_TYPES[type];
  const values = new Float32Array(elementsOf(shape));
  for (let at = 0, to = 0; to < values.length; at += block.bytes, to += block.values) block.decode(bytes, at, values, to);
  return values;
}

function decodeLevels({ shape, layout, levels, outputSteps, inputSteps }: LevelsTensor): Float32Array {
  const columns = outputSteps.length === 0 ? 0 : levels.length / outputSteps.length;
  const ofInputs = inputSteps && Float32Array.from(inputSteps, stepOf);
  const values = new Float32Array(levels.length);
  outputSteps.forEach((quarters, row) => {
    const step = stepOf(quarters);
    for (let column = 0, i = row * columns; column < columns; column++, i++) {
      const value = Math.fround(levels[i]! * step);
      values[i] = ofInputs ? value * ofInputs[column]! : value;
    }
  });
  return fromMatrix(values, shape, layout.outputs);
}

function decodeCodebook({ shape, layout, indices, books, scales }: CodebookTensor): Float32Array {
  const { vector, entries } = layout;
  const { rows, columns } = matrixOf({ ...layout, block: 'row' }, shape);
  const vectors = Math.ceil(columns / vector);
  const values = new Float32Array(rows * columns);
  const entryOf = (book: number, row: number, column: number) => {
    const index = indices[(book * rows + row) * vectors + Math.floor(column / vector)]!;
    return books[(book * entries + index) * vector + (column % vector)]!;
  };
  for (let row = 0, i = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, i++) {
      const first = entryOf(0, row, column);
      values[i] = Math.fround(layout.books === 2 ? first + entryOf(1, row, column) : first) * scales[row]!;
    }
  }
  return fromMatrix(values, shape, layout.outputs);
}

/** Exact integers of a small dense tensor (shapes, axes, indices); beyond ±2^53 they are clamped. */
export function integersOf({ dtype, shape, bytes }: DenseTensor): number[] {
  if (dtype !== 'i64' && dtype !== 'u64') return Array.from(decode({ kind: 'dense', dtype, shape, bytes }));
  const limit = Number.MAX_SAFE_INTEGER;
  const count = elementsOf(shape);
  const wide: Iterable<bigint> = dtype === 'i64' ? aligned(bytes, BigInt64Array, count) : aligned(bytes, BigUint64Array, count);
  return Array.from(wide, (value) => Math.min(limit, Math.max(-limit, Number(value))));
}

/** A dense f32 tensor over the same memory as `values`. */
export function denseOf(values: Float32Array, shape: Shape): DenseTensor {
  return { kind: 'dense', dtype: 'f32', shape, bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) };
}

interface TypedArrayType<T> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, offset: number, length: number): T;
}

/** A typed view; copies only when the bytes do not start at a multiple of the element's size. */
function aligned<T>(bytes: Uint8Array, type: TypedArrayType<T>, count: number): T {
  const fits = bytes.byteOffset % type.BYTES_PER_ELEMENT === 0;
  const { buffer, byteOffset } = fits ? bytes : bytes.slice();
  return new type(buffer, byteOffset, count);
}
