import type { DType } from '../dtype.ts';

/** An element type, or text. */
export type ValueType = DType | 'string';

/** Element types by the number ONNX gives them in attributes such as `to` and `dtype`. Source: TensorProto.DataType, onnx.proto3. */
const NUMBERED: readonly (ValueType | undefined)[] = [
  undefined,
  'f32',
  'u8',
  'i8',
  'u16',
  'i16',
  'i32',
  'i64',
  'string',
  'bool',
  'f16',
  'f64',
  'u32',
  'u64',
  'c64',
  'c128',
  'bf16',
  'f8e4m3',
  'f8e4m3uz',
  'f8e5m2',
  'f8e5m2uz',
  'u4',
  'i4',
  'f4e2m1',
  'f8e8m0',
  'u2',
  'i2',
];

/** The type with this number; undefined when there is none. */
export function elementType(number: number): ValueType | undefined {
  return NUMBERED[number];
}

export function elementTypeNumber(type: ValueType): number {
  return NUMBERED.indexOf(type);
}
