import { TersorError } from '../../core/error.ts';
import type { Range } from '../ranges.ts';
import { type Cursor, corrupt } from './cursor.ts';
import { MAX_DEPTH, MAX_KEY_BYTES, MAX_KEYS, MAX_TEXT_BYTES, MAX_TEXTS } from './limits.ts';

/** Types of metadata, by their number in files. */
const TYPES = ['u8', 'i8', 'u16', 'i16', 'u32', 'i32', 'f32', 'bool', 'string', 'array', 'u64', 'i64', 'f64'] as const;

export type ValueType = (typeof TYPES)[number];
type Scalar = Exclude<ValueType, 'string' | 'array'>;

interface ScalarType {
  readonly bytes: number;
  read(view: DataView, at: number): number | bigint | boolean;
  write(view: DataView, text: string): void;
}

const SCALARS: Readonly<Record<Scalar, ScalarType>> = {
  u8: { bytes: 1, read: (view, at) => view.getUint8(at), write: (view, text) => view.setUint8(0, Number(text)) },
  i8: { bytes: 1, read: (view, at) => view.getInt8(at), write: (view, text) => view.setInt8(0, Number(text)) },
  u16: { bytes: 2, read: (view, at) => view.getUint16(at, true), write: (view, text) => view.setUint16(0, Number(text), true) },
  i16: { bytes: 2, read: (view, at) => view.getInt16(at, true), write: (view, text) => view.setInt16(0, Number(text), true) },
  u32: { bytes: 4, read: (view, at) => view.getUint32(at, true), write: (view, text) => view.setUint32(0, Number(text), true) },
  i32: { bytes: 4, read: (view, at) => view.getInt32(at, true), write: (view, text) => view.setInt32(0, Number(text), true) },
  f32: { bytes: 4, read: (view, at) => shortest(view.getFloat32(at, true)), write: (view, text) => view.setFloat32(0, Number(text), true) },
  bool: { bytes: 1, read: (view, at) => view.getUint8(at) !== 0, write: (view, text) => view.setUint8(0, text === 'true' ? 1 : 0) },
  u64: { bytes: 8, read: (view, at) => view.getBigUint64(at, true), write: (view, text) => view.setBigUint64(0, BigInt(text), true) },
  i64: { bytes: 8, read: (view, at) => view.getBigInt64(at, true), write: (view, text) => view.setBigInt64(0, BigInt(text), true) },
  f64: { bytes: 8, read: (view, at) => view.getFloat64(at, true), write: (view, text) => view.setFloat64(0, Number(text), true) },
};

/** A value of the metadata. Vocabularies are large: they stay in the file, and are copied from there. */
export interface Entry {
  readonly type: ValueType;
  /** The value for people; of a long array, its length and type. */
  readonly text: string;
  /** Where the value lies, without key and type. */
  readonly range: Range;
}

/** @throws FILE_CORRUPT, FILE_LIMIT */
export async function readMetadata(cursor: Cursor, count: number): Promise<ReadonlyMap<string, Entry>> {
  const entries = new Map<string, Entry>();
  const walk = { texts: 0 };
  for (let i = 0; i < count; i++) {
    const key = await cursor.text('a key', MAX_KEY_BYTES);
    const about = `value of ${JSON.stringify(key.slice(0, 80))}`;
    if (entries.has(key)) throw corrupt(cursor.source.name, `${JSON.stringify(key.slice(0, 80))} comes twice`);
    const type = await readType(cursor, about);
    const offset = cursor.at();
    const text = await readValue(cursor, type, about, walk);
    entries.set(key, { type, text, range: { source: cursor.source, offset, length: cursor.at() - offset } });
  }
  return entries;
}

export const METADATA_LIMIT = { most: MAX_KEYS, least: 8 + 4 + 1 };

async function readType(cursor: Cursor, about: string): Promise<ValueType> {
  const number = (await cursor.take(4, `type of the ${about}`)).getUint32(0, true);
  const type = TYPES[number];
  if (!type) throw corrupt(cursor.source.name, `${about} has type ${number}, which does not exist`);
  return type;
}

async function readValue(cursor: Cursor, type: ValueType, about: string, walk: { texts: number }): Promise<string> {
  if (type === 'string') return cursor.text(about, MAX_TEXT_BYTES);
  if (type === 'array') return readArray(cursor, about, walk, 1);
  const scalar = SCALARS[type];
  return String(scalar.read(await cursor.take(scalar.bytes, about), 0));
}

/** Elements that are shown one by one. */
const SHOWN = 16;

async function readArray(cursor: Cursor, about: string, walk: { texts: number }, depth: number): Promise<string> {
  const type = await readType(cursor, about);
  const isScalar = type !== 'string' && type !== 'array';
  const least = isScalar ? SCALARS[type].bytes : 8;
  const count = await cursor.count(`elements of the ${about}`, { most: Number.MAX_SAFE_INTEGER, least });
  const summary = `${count} × ${type}`;
  if (isScalar) {
    if (count > SHOWN) {
      cursor.skip(count * least, about);
      return summary;
    }
    const view = await cursor.take(count * least, about);
    return `[${Array.from({ length: count }, (_, i) => SCALARS[type].read(view, i * least)).join(', ')}]`;
  }
  walk.texts += count;
  if (walk.texts > MAX_TEXTS || depth >= MAX_DEPTH) {
    const what = depth >= MAX_DEPTH ? `nests more than ${MAX_DEPTH} arrays` : `has more than ${MAX_TEXTS} texts`;
    throw new TersorError('FILE_LIMIT', cursor.source.name, `${about} ${what}`, 'no honest file does that');
  }
  for (let i = 0; i < count; i++) {
    if (type === 'array') await readArray(cursor, about, walk, depth + 1);
    else cursor.skip(await cursor.count(`length of a text in the ${about}`, { most: MAX_TEXT_BYTES, least: 1 }), about);
  }
  return summary;
}

/** How files call a type. */
export function typeNumber(type: ValueType): number {
  return TYPES.indexOf(type);
}

export function typeName(number: number): ValueType | undefined {
  return TYPES[number];
}

/** A key with its type. */
export function encodeKey(key: string, type: ValueType): Uint8Array {
  const number = new Uint8Array(4);
  number[0] = typeNumber(type);
  return concatenated([encodeText(key), number]);
}

/** The value that `text` says. @throws INTERNAL for arrays */
export function encodeValue(type: ValueType, text: string): Uint8Array {
  if (type === 'string') return encodeText(text);
  if (type === 'array') throw new TersorError('INTERNAL', type, 'cannot be changed by its text');
  const bytes = new Uint8Array(SCALARS[type].bytes);
  SCALARS[type].write(new DataView(bytes.buffer), text);
  return bytes;
}

/** A length and as many bytes. */
export function encodeText(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  return concatenated([encodeCount(bytes.length), bytes]);
}

export function encodeCount(count: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(count), true);
  return bytes;
}

export function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** The decimal number with the fewest digits that is this 32-bit float. */
function shortest(value: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}
