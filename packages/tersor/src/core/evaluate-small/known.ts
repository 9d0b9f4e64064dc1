import { type DType, elementsOf, type Shape } from '../dtype.ts';
import { halfBits, halfValue, toHalfPrecision } from '../half.ts';
import type { DenseTensor } from '../tensor.ts';

/** 64-bit integers are bigint, everything else (booleans as 0 and 1) is number. */
export type Scalar = number | bigint;

/** A small tensor with its values. `undefined` stands for an element that is not known, such as a free dimension in a shape. */
export interface Known {
  readonly dtype: Computable;
  readonly shape: Shape;
  readonly values: readonly (Scalar | undefined)[];
}

/** One value's type: how its bytes are read and written, and how a result is brought into its range. */
interface Arithmetic {
  readonly bytes: number;
  read(view: DataView, offset: number): Scalar;
  write(view: DataView, offset: number, value: Scalar): void;
  /** What storing `value` makes of it: rounding for floats, wrapping around for integers. */
  fit(value: Scalar): Scalar;
}

const TYPES = {
  f64: { bytes: 8, read: (v, o) => v.getFloat64(o, true), write: (v, o, x) => v.setFloat64(o, Number(x), true), fit: Number },
  f32: {
    bytes: 4,
    read: (v, o) => v.getFloat32(o, true),
    write: (v, o, x) => v.setFloat32(o, Number(x), true),
    fit: (x) => Math.fround(Number(x)),
  },
  f16: {
    bytes: 2,
    read: (v, o) => halfValue(v.getUint16(o, true)),
    write: (v, o, x) => v.setUint16(o, halfBits(Number(x)), true),
    fit: (x) => toHalfPrecision(Number(x)),
  },
  i64: {
    bytes: 8,
    read: (v, o) => v.getBigInt64(o, true),
    write: (v, o, x) => v.setBigInt64(o, BigInt(x), true),
    fit: (x) => BigInt.asIntN(64, BigInt(x)),
  },
  u64: {
    bytes: 8,
    read: (v, o) => v.getBigUint64(o, true),
    write: (v, o, x) => v.setBigUint64(o, BigInt(x), true),
    fit: (x) => BigInt.asUintN(64, BigInt(x)),
  },
  i32: { bytes: 4, read: (v, o) => v.getInt32(o, true), write: (v, o, x) => v.setInt32(o, Number(x), true), fit: signed(32) },
  i16: { bytes: 2, read: (v, o) => v.getInt16(o, true), write: (v, o, x) => v.setInt16(o, Number(x), true), fit: signed(16) },
  i8: { bytes: 1, read: (v, o) => v.getInt8(o), write: (v, o, x) => v.setInt8(o, Number(x)), fit: signed(8) },
  u32: { bytes: 4, read: (v, o) => v.getUint32(o, true), write: (v, o, x) => v.setUint32(o, Number(x), true), fit: unsigned(32) },
  u16: { bytes: 2, read: (v, o) => v.getUint16(o, true), write: (v, o, x) => v.setUint16(o, Number(x), true), fit: unsigned(16) },
  u8: { bytes: 1, read: (v, o) => v.getUint8(o), write: (v, o, x) => v.setUint8(o, Number(x)), fit: unsigned(8) },
  bool: {
    bytes: 1,
    read: (v, o) => (v.getUint8(o) === 0 ? 0 : 1),
    write: (v, o, x) => v.setUint8(o, Number(x)),
    fit: (x) => (Number(x) === 0 ? 0 : 1),
  },
} satisfies Readonly<Record<string, Arithmetic>>;

export type Computable = keyof typeof TYPES & DType;

export function isComputable(dtype: DType | 'string' | undefined): dtype is Computable {
  return dtype !== undefined && Object.hasOwn(TYPES, dtype);
}

/** `value` as the type stores it. Through bigint where a product of two integers may exceed 2^53. */
export function fit(dtype: Computable, value: Scalar): Scalar {
  return TYPES[dtype].fit(value);
}

/** Undefined for types that are only moved around, never computed with. */
export function knownOf({ dtype, shape, bytes }: DenseTensor): Known | undefined {
  if (!isComputable(dtype)) return undefined;
  const type = TYPES[dtype];
  const count = elementsOf(shape);
  if (bytes.byteLength < count * type.bytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { dtype, shape, values: Array.from({ length: count }, (_, i) => type.read(view, i * type.bytes)) };
}

/** The same as bytes; undefined when an element is not known. */
export function tensorOf({ dtype, shape, values }: Known): DenseTensor | undefined {
  const type = TYPES[dtype];
  const bytes = new Uint8Array(values.length * type.bytes);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of values.entries()) {
    if (value === undefined) return undefined;
    type.write(view, i * type.bytes, value);
  }
  return { kind: 'dense', dtype, shape, bytes };
}

/** The values as ordinary integers, clamped to ±(2^53 - 1), which no axis, index or dimension exceeds; undefined when one is not known. */
export function integersIn(known: Known | undefined): number[] | undefined {
  const integers: number[] = [];
  for (const value of known?.values ?? [undefined]) {
    if (value === undefined || Number.isNaN(value)) return undefined;
    integers.push(Math.min(Number.MAX_SAFE_INTEGER, Math.max(-Number.MAX_SAFE_INTEGER, Number(value))));
  }
  return integers;
}

export function knownIntegers(values: readonly (number | undefined)[], shape: Shape = [values.length]): Known {
  return { dtype: 'i64', shape, values: values.map((value) => (value === undefined ? undefined : BigInt(value))) };
}

function signed(bits: number): (value: Scalar) => number {
  return (value) => Number(BigInt.asIntN(bits, BigInt(value)));
}

function unsigned(bits: number): (value: Scalar) => number {
  return (value) => Number(BigInt.asUintN(bits, BigInt(value)));
}
