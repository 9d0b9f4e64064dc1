import { TersorError } from '../../core/error.ts';
import type { Attribute } from '../../core/graph.ts';
import type { DenseTensor } from '../../core/tensor.ts';
import { encodeBytes, encodeVarint } from './proto/encode.ts';
import { MAX_ATTRIBUTE_TENSOR, MAX_LIST } from './proto/limits.ts';
import { ATTRIBUTE, ATTRIBUTE_TYPE } from './proto/schema.ts';
import { unskim } from './proto/skim.ts';
import { concatenate, corrupt, count, type Field, fieldsOf, int64, payloadOf, text } from './proto/wire.ts';
import type { Reading } from './reading.ts';
import { loadValues, readTensor, varints } from './tensor.ts';

/** An AttributeProto taken apart, with nothing read that may be large. */
export interface RawAttribute {
  readonly name: string;
  readonly type: number;
  readonly fields: readonly Field[];
  /** Its tensor, graph or sparse tensor, whichever `type` says: an encoded message without the values. */
  readonly message?: Uint8Array;
  /** As encoded, values left out. */
  readonly encoded: Uint8Array;
}

const MESSAGES = new Map<number, number>([
  [ATTRIBUTE.tensor, ATTRIBUTE_TYPE.tensor],
  [ATTRIBUTE.graph, ATTRIBUTE_TYPE.graph],
  [ATTRIBUTE.sparse, ATTRIBUTE_TYPE.sparse],
]);

/** Types of the other fields, for files of the first IR version, which do not state the type. */
const PLAIN = new Map<number, number>([
  [ATTRIBUTE.float, ATTRIBUTE_TYPE.float],
  [ATTRIBUTE.int, ATTRIBUTE_TYPE.int],
  [ATTRIBUTE.string, ATTRIBUTE_TYPE.string],
  [ATTRIBUTE.floats, ATTRIBUTE_TYPE.floats],
  [ATTRIBUTE.ints, ATTRIBUTE_TYPE.ints],
  [ATTRIBUTE.strings, ATTRIBUTE_TYPE.strings],
]);

export function takeApart(encoded: Uint8Array, where: string): RawAttribute {
  const fields: Field[] = [];
  const messages: Uint8Array[] = [];
  let [name, stated, implied, found] = ['', 0, 0, 0];
  for (const field of fieldsOf(encoded, where)) {
    if (field.number === ATTRIBUTE.name) name = text(field, where);
    else if (field.number === ATTRIBUTE.type) stated = count(field, where, 'attribute type');
    else {
      const type = MESSAGES.get(field.number);
      if (type !== undefined) {
        if (found !== 0 && found !== type) throw corrupt(where, `attribute "${name}" has values of two types`);
        found = type;
        messages.push(payloadOf(field, where));
      } else if (fields.length < MAX_LIST) fields.push(field);
      implied ||= PLAIN.get(field.number) ?? 0;
    }
  }
  const type = stated || found || implied;
  const isMessage = found !== 0 && found === type;
  if (found !== 0 && !isMessage) throw corrupt(where, `attribute "${name}" says that it has type ${type} and has type ${found}`);
  return { name, type, fields, encoded, ...(isMessage && { message: concatenate(messages) }) };
}

/** Everything but graphs, which belong to their node. @throws FILE_CORRUPT when value and type disagree */
export async function readAttribute(raw: RawAttribute, reading: Reading, where: string): Promise<Attribute> {
  const { name, type, fields } = raw;
  if (raw.message) return readMessage(raw, raw.message, reading, where);
  const isList = fields.length >= MAX_LIST || fields.some(({ wire, payload }) => wire === 2 && payload.length > MAX_LIST);
  const isReference = fields.some(({ number }) => number === ATTRIBUTE.reference);
  if (isReference || (isList && type !== ATTRIBUTE_TYPE.string)) return { kind: 'opaque', value: raw.encoded };
  const last = (number: number) => fields.findLast((field) => field.number === number);
  const all = (number: number) => fields.filter((field) => field.number === number);
  const disagree = () => corrupt(where, `attribute "${name}" is not of its type ${type}`);
  const rest = (number: number) => {
    const others = fields.filter((field) => field.number !== number).map(({ encoded }) => encoded);
    return others.length > 0 && { extra: concatenate(others) };
  };
  switch (type) {
    case ATTRIBUTE_TYPE.float: {
      const field = last(ATTRIBUTE.float);
      return { kind: 'float', value: field ? floatOf(field, disagree) : 0, ...rest(ATTRIBUTE.float) };
    }
    case ATTRIBUTE_TYPE.int: {
      const field = last(ATTRIBUTE.int);
      return { kind: 'int', value: field ? int64(field, where) : 0n, ...rest(ATTRIBUTE.int) };
    }
    case ATTRIBUTE_TYPE.string: {
      const field = last(ATTRIBUTE.string);
      return { kind: 'string', value: field ? payloadOf(field, where) : new Uint8Array(), ...rest(ATTRIBUTE.string) };
    }
    case ATTRIBUTE_TYPE.floats:
      return { kind: 'floats', value: all(ATTRIBUTE.floats).flatMap((field) => floatsOf(field, disagree)), ...rest(ATTRIBUTE.floats) };
    case ATTRIBUTE_TYPE.ints:
      return { kind: 'ints', value: all(ATTRIBUTE.ints).flatMap((field) => [...varints(field, where)]), ...rest(ATTRIBUTE.ints) };
    case ATTRIBUTE_TYPE.strings:
      return { kind: 'strings', value: all(ATTRIBUTE.strings).map((field) => payloadOf(field, where)), ...rest(ATTRIBUTE.strings) };
    default:
      return { kind: 'opaque', value: raw.encoded };
  }
}

function floatOf({ wire, payload }: Field, disagree: () => TersorError): number {
  if (wire !== 5) throw disagree();
  return viewOf(payload).getFloat32(0, true);
}

function floatsOf({ wire, payload }: Field, disagree: () => TersorError): number[] {
  if ((wire !== 5 && wire !== 2) || payload.length % 4 !== 0) throw disagree();
  const view = viewOf(payload);
  return Array.from({ length: payload.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** Tensors that are no constants stay in memory. Text and sparse ones are carried as encoded. */
async function readMessage(raw: RawAttribute, message: Uint8Array, reading: Reading, where: string): Promise<Attribute> {
  if (raw.type !== ATTRIBUTE_TYPE.tensor)
    throw new TersorError('FILE_UNSUPPORTED', where, `attribute "${raw.name}" is a sparse tensor`, 'only Constant has those');
  const tensor = await readTensor(message, reading, where);
  const { dtype, shape, values, extra } = tensor;
  if (values.kind === 'bytes' && values.length > MAX_ATTRIBUTE_TENSOR) {
    throw new TersorError('FILE_LIMIT', where, `attribute "${raw.name}" has ${values.length} bytes`, 'only constants may be that large');
  }
  const others = raw.fields.map(({ encoded }) => encoded);
  if (dtype === 'string' || extra) {
    if (values.kind === 'bytes' && values.external)
      throw new TersorError('FILE_UNSUPPORTED', where, `attribute "${raw.name}" is in external data`);
    const whole = concatenate(await unskim(message, reading.source, where));
    const head = [encodeBytes(ATTRIBUTE.name, new TextEncoder().encode(raw.name)), encodeBytes(ATTRIBUTE.tensor, whole)];
    return { kind: 'opaque', value: concatenate([...head, encodeVarint(ATTRIBUTE.type, BigInt(raw.type)), ...others]) };
  }
  const value: DenseTensor = { kind: 'dense', dtype, shape, bytes: await loadValues(tensor, where) };
  return { kind: 'tensor', value, ...(others.length > 0 && { extra: concatenate(others) }) };
}
