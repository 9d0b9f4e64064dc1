import { BITS, type DType, denseBytes, elementsOf, type Shape } from '../../core/dtype.ts';
import { TENSOR } from './proto/schema.ts';
import { corrupt, type Field, fieldsOf } from './proto/wire.ts';

/** The field that holds the elements of a type, when they are not raw. Source: comments of TensorProto in onnx.proto */
function fieldOf(dtype: DType): { number: number; fixed: boolean; bytes: number } {
  switch (dtype) {
    case 'f32':
    case 'c64':
      return { number: TENSOR.floats, fixed: true, bytes: 4 };
    case 'f64':
    case 'c128':
      return { number: TENSOR.doubles, fixed: true, bytes: 8 };
    case 'i64':
      return { number: TENSOR.int64s, fixed: false, bytes: 8 };
    case 'u64':
      return { number: TENSOR.uint64s, fixed: false, bytes: 8 };
    case 'u32':
      return { number: TENSOR.uint64s, fixed: false, bytes: 4 };
    default:
      // elements below 8 bits are packed to bytes first
      return { number: TENSOR.int32s, fixed: false, bytes: Math.max(1, BITS[dtype] / 8) };
  }
}

/** Whether `present` encoded bytes may be enough for this shape; checked before anything is allocated for it. */
export function canHold(present: number, dtype: DType | 'string', shape: Shape): boolean {
  if (dtype === 'string') return elementsOf(shape) * 2 <= present;
  const { fixed, bytes } = fieldOf(dtype);
  return denseBytes(dtype, shape) <= present * (fixed ? 1 : bytes);
}

/**
 * Elements out of `float_data`, `int32_data` and their like, packed or one field each.
 * @param fields the encoded fields
 * @returns little-endian elements; for text the checked `string_data` fields themselves
 * @throws FILE_CORRUPT when they are of another type, or not as many as the shape says
 */
export function typedFields(fields: Uint8Array, dtype: DType | 'string', shape: Shape, where: string): Uint8Array {
  if (dtype === 'string') return textFields(fields, shape, where);
  const { number, fixed, bytes } = fieldOf(dtype);
  const values = new Uint8Array(denseBytes(dtype, shape));
  let at = 0;
  for (const field of fieldsOf(fields, where)) {
    if (field.number !== number) throw corrupt(where, `${dtype} [${shape}] with values in field ${field.number} instead of ${number}`);
    at = fixed ? copyFixed(field, values, at) : copyVarints(field, values, at, bytes);
    if (at > values.length) break;
  }
  if (at !== values.length)
    throw corrupt(where, `${dtype} [${shape}] takes ${values.length} bytes, the file has ${at > values.length ? 'more' : at}`);
  return values;
}

function textFields(fields: Uint8Array, shape: Shape, where: string): Uint8Array {
  let found = 0;
  for (const { number, wire } of fieldsOf(fields, where)) {
    if (number !== TENSOR.strings || wire !== 2) throw corrupt(where, `text [${shape}] with values in field ${number}`);
    found++;
  }
  if (found !== elementsOf(shape)) throw corrupt(where, `text [${shape}] has ${found} values`);
  return fields;
}

/** @returns where the next element goes; beyond `values` when there are too many */
function copyFixed({ payload }: Field, values: Uint8Array, at: number): number {
  if (at + payload.length <= values.length) values.set(payload, at);
  return at + payload.length;
}

/** The low `bytes` bytes of each number: negative ones are written as 64 bits, whatever their type. */
function copyVarints({ wire, payload }: Field, values: Uint8Array, start: number, bytes: number): number {
  if (wire !== 0 && wire !== 2) return Number.POSITIVE_INFINITY;
  let at = start;
  let [bits, have] = [0, 0];
  let end = at + bytes;
  for (let i = 0; i < payload.length; i++) {
    const byte = payload[i]!;
    // at most 7 + 7 bits wait, so this never leaves 32 bits
    bits += (byte & 127) << have;
    have += 7;
    if (have >= 8) {
      if (at < end && at < values.length) values[at] = bits & 255;
      at = Math.min(end, at + 1);
      bits >>= 8;
      have -= 8;
    }
    if (byte >= 128) continue;
    if (at < end && at < values.length) values[at] = bits & 255;
    at = end;
    if (at > values.length) return at;
    [bits, have, end] = [0, 0, at + bytes];
  }
  return at;
}
