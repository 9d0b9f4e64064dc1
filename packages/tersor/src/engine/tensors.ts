import type { InferenceSession, Tensor, TensorConstructor } from 'onnxruntime-web';
import type { Value } from '../core/engine.ts';
import { TersorError } from '../core/error.ts';
import type { ValueInfo } from '../core/graph.ts';

/** Our element types in the words of onnxruntime's JavaScript interface; types that it lacks are absent. */
const TYPES = {
  f32: 'float32',
  f64: 'float64',
  f16: 'float16',
  i8: 'int8',
  i16: 'int16',
  i32: 'int32',
  i64: 'int64',
  i4: 'int4',
  u8: 'uint8',
  u16: 'uint16',
  u32: 'uint32',
  u64: 'uint64',
  u4: 'uint4',
  bool: 'bool',
  string: 'string',
} as const satisfies Partial<Record<Value['dtype'], Tensor.Type>>;

const DTYPES = new Map<string, Value['dtype']>(Object.entries(TYPES).map(([dtype, type]) => [type, dtype as keyof typeof TYPES]));

/** onnxruntime-web writes free dimensions without a name as 2^32 - 1. */
const FREE = 4294967295;

/** @throws DATA_INVALID for element types that the runtime cannot be given from JavaScript */
export function toTensor(make: TensorConstructor, name: string, { dtype, shape, data }: Value): Tensor {
  const type = dtype in TYPES ? TYPES[dtype as keyof typeof TYPES] : undefined;
  if (!type) throw new TersorError('DATA_INVALID', name, `onnxruntime takes no ${dtype} from JavaScript`);
  return new make(type, data as Tensor.DataType, [...shape]);
}

/** Halves come as bits, whatever the JavaScript engine calls them. */
export function fromTensor({ type, dims, data }: Tensor): Value {
  const dtype = DTYPES.get(type) ?? 'u8';
  if (Array.isArray(data)) return { dtype, shape: [...dims], data };
  const values = dtype === 'f16' && !(data instanceof Uint16Array) ? new Uint16Array(data.buffer, data.byteOffset, data.length) : data;
  return { dtype, shape: [...dims], data: values as Value['data'] };
}

/** The runtime does not tell a scalar from a value of unknown rank: both are `[]`. */
export function toValueInfo(metadata: InferenceSession.ValueMetadata): ValueInfo {
  if (!metadata.isTensor) return { name: metadata.name };
  const dtype = DTYPES.get(metadata.type);
  const shape = metadata.shape.map((dim) => (dim === '' || dim === FREE || (typeof dim === 'number' && dim < 0) ? undefined : dim));
  return { name: metadata.name, ...(dtype && { dtype }), shape };
}
