import type { DType } from '../../../core/dtype.ts';

/** Field numbers of ONNX's messages. Source: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto */
export const MODEL = {
  irVersion: 1,
  producerName: 2,
  producerVersion: 3,
  domain: 4,
  modelVersion: 5,
  doc: 6,
  graph: 7,
  opset: 8,
  property: 14,
  training: 20,
  functions: 25,
} as const;
/** Model-local functions and training information: carried, and looked into only for external data. */
export const FUNCTION = { node: 7 } as const;
export const TRAINING = { initialization: 1, algorithm: 2 } as const;
export const OPSET = { domain: 1, version: 2 } as const;
export const PAIR = { key: 1, value: 2 } as const;
export const GRAPH = { node: 1, name: 2, initializer: 5, doc: 10, input: 11, output: 12, value: 13, sparse: 15 } as const;
export const NODE = { input: 1, output: 2, name: 3, op: 4, attribute: 5, domain: 7 } as const;
export const ATTRIBUTE = {
  name: 1,
  float: 2,
  int: 3,
  string: 4,
  tensor: 5,
  graph: 6,
  floats: 7,
  ints: 8,
  strings: 9,
  type: 20,
  reference: 21,
  sparse: 22,
} as const;
export const ATTRIBUTE_TYPE = { float: 1, int: 2, string: 3, tensor: 4, graph: 5, floats: 6, ints: 7, strings: 8, sparse: 11 } as const;
export const VALUE = { name: 1, type: 2, doc: 3 } as const;
export const TYPE = { tensor: 1, denotation: 6 } as const;
export const TENSOR_TYPE = { element: 1, shape: 2 } as const;
export const SHAPE = { dimension: 1 } as const;
export const DIMENSION = { value: 1, symbol: 2, denotation: 3 } as const;
export const SPARSE = { values: 1, indices: 2, dims: 3 } as const;
export const TENSOR = {
  dims: 1,
  type: 2,
  segment: 3,
  floats: 4,
  int32s: 5,
  strings: 6,
  int64s: 7,
  name: 8,
  raw: 9,
  doubles: 10,
  uint64s: 11,
  external: 13,
  location: 14,
} as const;
export const EXTERNAL = 1;

/** ONNX's codes of element types. */
export const TYPE_CODES = {
  f32: 1,
  u8: 2,
  i8: 3,
  u16: 4,
  i16: 5,
  i32: 6,
  i64: 7,
  string: 8,
  bool: 9,
  f16: 10,
  f64: 11,
  u32: 12,
  u64: 13,
  c64: 14,
  c128: 15,
  bf16: 16,
  f8e4m3: 17,
  f8e4m3uz: 18,
  f8e5m2: 19,
  f8e5m2uz: 20,
  u4: 21,
  i4: 22,
  f4e2m1: 23,
  f8e8m0: 24,
  u2: 25,
  i2: 26,
} as const satisfies Record<DType | 'string', number>;

const BY_CODE = new Map(Object.entries(TYPE_CODES).map(([dtype, code]) => [code as number, dtype as DType | 'string']));

export function dtypeOf(code: number): DType | 'string' | undefined {
  return BY_CODE.get(code);
}

/** The IR version that an element type came with; 1 for the old ones. */
export function irVersionOfType(dtype: DType | 'string'): number {
  const code = TYPE_CODES[dtype];
  if (code >= TYPE_CODES.u2) return 13;
  if (code >= TYPE_CODES.f4e2m1) return 11;
  if (code >= TYPE_CODES.u4) return 10;
  return code >= TYPE_CODES.f8e4m3 ? 9 : 1;
}

/** IR versions by the first ai.onnx opset released with them. Source: onnx.helper.VERSION_TABLE */
const IR_BY_OPSET = [
  [9, 4],
  [10, 5],
  [11, 6],
  [12, 7],
  [15, 8],
  [19, 9],
  [21, 10],
  [23, 11],
  [24, 12],
  [25, 13],
  [28, 14],
] as const;

export function irVersionOfOpset(opset: number): number {
  return IR_BY_OPSET.findLast(([first]) => first <= opset)?.[1] ?? 3;
}
