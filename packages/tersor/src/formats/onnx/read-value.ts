import type { ValueInfo } from '../../core/graph.ts';
import { encodeBytes } from './proto/encode.ts';
import { MAX_RANK } from './proto/limits.ts';
import { DIMENSION, dtypeOf, SHAPE, TENSOR_TYPE, TYPE, VALUE } from './proto/schema.ts';
import { concatenate, corrupt, count, fieldsOf, int64, payloadOf, text, textOrUndefined } from './proto/wire.ts';

/** Reads a ValueInfoProto: a name with its type. */
export function readValue(message: Uint8Array, where: string): ValueInfo {
  const types: Uint8Array[] = [];
  const extra: Uint8Array[] = [];
  let [name, doc]: [string, string | undefined] = ['', undefined];
  for (const field of fieldsOf(message, where)) {
    if (field.number === VALUE.name) name = text(field, where);
    else if (field.number === VALUE.type) types.push(payloadOf(field, where));
    else {
      const readable = field.number === VALUE.doc ? textOrUndefined(field.payload) : undefined;
      if (readable === undefined) extra.push(field.encoded);
      else doc = readable;
    }
  }
  const type: ValueType = types.length > 0 ? readType(concatenate(types), where) : {};
  if (type.extra) extra.push(type.extra);
  return { name, ...type, ...(doc !== undefined && { doc }), ...(extra.length > 0 && { extra: concatenate(extra) }) };
}

type ValueType = Pick<ValueInfo, 'dtype' | 'shape' | 'denotations' | 'opaqueType' | 'extra'>;

/** A tensor's type is understood; any other, and what later versions add, is carried as it is. */
function readType(message: Uint8Array, where: string): ValueType {
  const opaque = { opaqueType: message };
  const tensors: Uint8Array[] = [];
  const denotations: Uint8Array[] = [];
  for (const { number, wire, payload, encoded } of fieldsOf(message, where)) {
    if (number === TYPE.denotation) denotations.push(encoded);
    else if (number !== TYPE.tensor || wire !== 2) return opaque;
    else tensors.push(payload);
  }
  if (tensors.length === 0) return opaque;
  const shapes: Uint8Array[] = [];
  let code = 0;
  for (const field of fieldsOf(concatenate(tensors), where)) {
    if (field.number === TENSOR_TYPE.element) code = count(field, where, 'element type');
    else if (field.number === TENSOR_TYPE.shape) shapes.push(payloadOf(field, where));
    else return opaque;
  }
  const dtype = dtypeOf(code);
  if (!dtype) return opaque;
  return {
    dtype,
    ...(shapes.length > 0 && readShape(concatenate(shapes), where)),
    // a second `type` merges with the first
    ...(denotations.length > 0 && { extra: encodeBytes(VALUE.type, concatenate(denotations)) }),
  };
}

function readShape(message: Uint8Array, where: string): Pick<ValueInfo, 'denotations'> & Required<Pick<ValueInfo, 'shape'>> {
  const axes: Axis[] = [];
  for (const field of fieldsOf(message, where)) {
    if (field.number !== SHAPE.dimension) continue;
    if (axes.length >= MAX_RANK) throw corrupt(where, `a type with more than ${MAX_RANK} axes`);
    axes.push(readAxis(payloadOf(field, where), where));
  }
  const shape = axes.map(({ size }) => size);
  return axes.some(({ denotation }) => denotation !== '') ? { shape, denotations: axes.map(({ denotation }) => denotation) } : { shape };
}

interface Axis {
  readonly size: number | string | undefined;
  readonly denotation: string;
}

/** Negative sizes mean "unknown" to some exporters and to every runtime. */
function readAxis(message: Uint8Array, where: string): Axis {
  let [size, denotation]: [Axis['size'], string] = [undefined, ''];
  for (const field of fieldsOf(message, where)) {
    if (field.number === DIMENSION.symbol) size = text(field, where) || undefined;
    else if (field.number === DIMENSION.value) size = int64(field, where) < 0n ? undefined : count(field, where, 'a dimension');
    else if (field.number === DIMENSION.denotation) denotation = text(field, where);
  }
  return { size, denotation };
}
