/** Element types of tensors in any format. Sub-byte types are packed low bits first. */
export const BITS = {
  f64: 64,
  f32: 32,
  f16: 16,
  bf16: 16,
  f8e4m3: 8,
  f8e4m3uz: 8,
  f8e5m2: 8,
  f8e5m2uz: 8,
  f8e8m0: 8,
  f4e2m1: 4,
  i64: 64,
  i32: 32,
  i16: 16,
  i8: 8,
  i4: 4,
  i2: 2,
  u64: 64,
  u32: 32,
  u16: 16,
  u8: 8,
  u4: 4,
  u2: 2,
  bool: 8,
  c64: 64,
  c128: 128,
} as const;

export type DType = keyof typeof BITS;
export type Shape = readonly number[];

export const FLOATS = ['f64', 'f32', 'f16', 'bf16'] as const satisfies readonly DType[];

export function isFloat(dtype: DType): dtype is (typeof FLOATS)[number] {
  return (FLOATS as readonly DType[]).includes(dtype);
}

export function elementsOf(shape: Shape): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

/** Bytes of a dense tensor; sub-byte elements are packed without gaps. */
export function denseBytes(dtype: DType, shape: Shape): number {
  return Math.ceil((elementsOf(shape) * BITS[dtype]) / 8);
}

/** Elements behind the first axis that has more than one place; 0 where no other has. */
export function rowLength(shape: Shape): number {
  const long = shape.filter((size) => size > 1);
  return long.length < 2 ? 0 : elementsOf(long.slice(1));
}
