import { type DType, denseBytes, elementsOf } from '../../core/dtype.ts';
import { TersorError } from '../../core/error.ts';
import type { Source } from '../../core/source.ts';
import { MAX_PIECES, MAX_RANK } from './proto/limits.ts';
import { dtypeOf, EXTERNAL, PAIR, TENSOR } from './proto/schema.ts';
import { type Piece, pieceOf } from './proto/skim.ts';
import { concatenate, corrupt, count, type Field, fieldsOf, payloadOf, text, VARINT_BYTES, varint64 } from './proto/wire.ts';
import type { Reading } from './reading.ts';
import { canHold, typedFields } from './typed-fields.ts';

/** A tensor of the file, checked, with its values still there. */
export interface StoredTensor {
  readonly name: string;
  readonly dtype: DType | 'string';
  readonly shape: readonly number[];
  readonly values: StoredValues;
  /** Documentation and fields of later versions, as encoded. */
  readonly extra?: Uint8Array;
}

export type StoredValues =
  /** Little-endian bytes in the model's file or beside it. */
  | { readonly kind: 'bytes'; readonly source: Source; readonly offset: number; readonly length: number; readonly external: boolean }
  /** Fields such as `float_data`, which older exporters wrote, and text. */
  | { readonly kind: 'fields'; readonly source: Source; readonly pieces: readonly Piece[] };

/**
 * Reads a TensorProto and checks that its values are there and as many as its shape says.
 * @throws FILE_CORRUPT, FILE_LIMIT, FILE_UNSUPPORTED for element types that ONNX 1.20 does not know, FILE_MISSING for external data
 */
export async function readTensor(message: Uint8Array, reading: Reading, where: string): Promise<StoredTensor> {
  const parsed = parseTensor(message, where);
  const { name, dtype, shape, extra } = parsed;
  const about = name === '' ? where : `${where}, tensor "${name}"`;
  const values = await locate(parsed, reading, about);
  return { name, dtype, shape, values, ...(extra && { extra }) };
}

interface ParsedTensor extends Omit<StoredTensor, 'values'> {
  readonly raw?: Piece;
  readonly pieces: readonly Piece[];
  readonly external?: ReadonlyMap<string, string>;
}

function parseTensor(message: Uint8Array, where: string): ParsedTensor {
  const shape: number[] = [];
  const pieces: Piece[] = [];
  const pairs = new Map<string, string>();
  const extra: Uint8Array[] = [];
  let [name, code, elsewhere, raw]: [string, number, boolean, Piece | undefined] = ['', 0, false, undefined];
  for (const field of fieldsOf(message, where)) {
    const piece = pieceOf(field, where);
    if (piece?.kind === 'raw') raw = piece;
    else if (piece) pieces.push(piece);
    else if (field.number === TENSOR.dims) shape.push(...dimensions(field, where, MAX_RANK - shape.length));
    else if (field.number === TENSOR.type) code = count(field, where, 'element type');
    else if (field.number === TENSOR.name) name = text(field, where);
    else if (field.number === TENSOR.location) elsewhere = count(field, where, 'data location') === EXTERNAL;
    else if (field.number === TENSOR.external) pairs.set(...readPair(payloadOf(field, where), where));
    else if (field.number === TENSOR.segment)
      throw new TersorError('FILE_UNSUPPORTED', where, 'a tensor in segments', 'no exporter writes them');
    else extra.push(field.encoded);
  }
  if (pieces.length > MAX_PIECES) throw corrupt(where, `the values of tensor "${name}" come in ${pieces.length} pieces`);
  const dtype = dtypeOf(code);
  if (!dtype)
    throw new TersorError('FILE_UNSUPPORTED', where, `tensor "${name}" has element type ${code}`, 'newer than this tersor, or damaged');
  return {
    name,
    dtype,
    shape,
    pieces,
    ...(raw && { raw }),
    ...(elsewhere && { external: pairs }),
    ...(extra.length > 0 && { extra: concatenate(extra) }),
  };
}

export function readPair(message: Uint8Array, where: string): [string, string] {
  let [key, value] = ['', ''];
  for (const field of fieldsOf(message, where)) {
    if (field.number === PAIR.key) key = text(field, where);
    else if (field.number === PAIR.value) value = text(field, where);
  }
  return [key, value];
}

/** `dims`, one by one or packed. @param room how many more there may be */
export function dimensions(field: Field, where: string, room: number): number[] {
  const dims: number[] = [];
  for (const value of varints(field, where)) {
    if (dims.length >= room)
      throw new TersorError('FILE_LIMIT', where, `a tensor has more than ${MAX_RANK} axes`, 'no runtime takes that many');
    if (value < 0n) throw corrupt(where, `a tensor has a dimension of ${value}`);
    if (value > BigInt(Number.MAX_SAFE_INTEGER))
      throw new TersorError('FILE_LIMIT', where, `a tensor has a dimension of ${value}`, 'no file holds that');
    dims.push(Number(value));
  }
  return dims;
}

/** The numbers of a repeated integer field: one, or many packed together. */
export function* varints({ number, wire, payload }: Field, where: string): Generator<bigint> {
  if (wire === 0) return yield varint64(payload);
  if (wire !== 2) throw corrupt(where, `field ${number} is not an integer`);
  let start = 0;
  for (let at = 0; at < payload.length; at++) {
    if (at - start >= VARINT_BYTES) throw corrupt(where, 'a number is longer than 64 bits');
    if (payload[at]! >= 128) continue;
    yield varint64(payload.subarray(start, at + 1));
    start = at + 1;
  }
  if (start < payload.length) throw corrupt(where, 'a number is cut off');
}

async function locate({ dtype, shape, raw, pieces, external }: ParsedTensor, reading: Reading, where: string): Promise<StoredValues> {
  const elements = elementsOf(shape);
  if (!(elements * 16 <= Number.MAX_SAFE_INTEGER)) throw new TersorError('FILE_LIMIT', where, `shape [${shape}] is larger than any file`);
  const { source } = reading;
  if (external) {
    if (dtype === 'string') throw new TersorError('FILE_UNSUPPORTED', where, 'text in external data', 'ONNX does not allow it');
    return locateExternal(external, denseBytes(dtype, shape), reading, where);
  }
  if (dtype === 'string' || !raw) {
    const present = pieces.reduce((sum, { length }) => sum + length, 0);
    if (raw && dtype === 'string') throw corrupt(where, 'text as raw data');
    if (!canHold(present, dtype, shape)) throw corrupt(where, `${dtype} [${shape}] in ${present} bytes`);
    return { kind: 'fields', source, pieces };
  }
  const needed = denseBytes(dtype, shape);
  if (raw.length !== needed) throw corrupt(where, `${dtype} [${shape}] takes ${needed} bytes, the file has ${raw.length}`);
  return { kind: 'bytes', source, offset: raw.offset, length: raw.length, external: false };
}

async function locateExternal(pairs: ReadonlyMap<string, string>, needed: number, reading: Reading, where: string): Promise<StoredValues> {
  const source = await reading.external(pairs.get('location') ?? '');
  const offset = externalNumber(pairs, 'offset', where) ?? 0;
  const length = externalNumber(pairs, 'length', where) ?? needed;
  if (length !== needed) throw corrupt(where, `its shape takes ${needed} bytes, its external data has ${length}`);
  if (offset + length > source.size) {
    throw corrupt(
      where,
      `bytes ${offset} to ${offset + length} of ${source.name}, which has ${source.size}`,
      'the data file is cut off or belongs to another model: fetch both again',
    );
  }
  return { kind: 'bytes', source, offset, length, external: true };
}

function externalNumber(pairs: ReadonlyMap<string, string>, key: string, where: string): number | undefined {
  const value = pairs.get(key);
  if (value === undefined || value === '') return undefined;
  const number = Number(value);
  if (!/^\d{1,16}$/.test(value) || !Number.isSafeInteger(number)) throw corrupt(where, `external data has ${key} ${JSON.stringify(value)}`);
  return number;
}

/**
 * The values: little-endian elements, or `string_data` fields for text.
 * @throws FILE_CORRUPT when there are more or fewer than the shape says
 */
export async function loadValues({ dtype, shape, values }: StoredTensor, where: string): Promise<Uint8Array> {
  if (values.kind === 'bytes') return values.source.read(values.offset, values.length);
  const parts: Uint8Array[] = [];
  for (const { offset, length } of values.pieces) parts.push(await values.source.read(offset, length));
  return typedFields(concatenate(parts), dtype, shape, where);
}
