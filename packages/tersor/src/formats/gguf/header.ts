import { elementsOf, type Shape } from '../../core/dtype.ts';
import { TersorError } from '../../core/error.ts';
import type { Source } from '../../core/source.ts';
import { type Cursor, corrupt, openCursor } from './cursor.ts';
import { MAX_ALIGNMENT, MAX_NAME_BYTES, MAX_RANK, MAX_TENSORS } from './limits.ts';
import { type Entry, METADATA_LIMIT, readMetadata } from './metadata.ts';
import { type StoredType, typeOfNumber } from './types.ts';

/** `GGUF` */
const MAGIC = 0x46554747;

export const DEFAULT_ALIGNMENT = 32;

/** A tensor as the header tells of it. */
export interface Info {
  readonly type: StoredType;
  /** Outermost axis first: ggml's own order, reversed. */
  readonly shape: Shape;
  /** From the beginning of the file. */
  readonly offset: number;
  readonly length: number;
}

export interface Header {
  readonly version: number;
  readonly alignment: number;
  readonly metadata: ReadonlyMap<string, Entry>;
  readonly tensors: ReadonlyMap<string, Info>;
}

/**
 * Reads the header of a GGUF file, version 2 or 3; no values.
 *
 * Guarantee: every tensor lies in the file, begins at a multiple of the alignment, has as many bytes as type and shape say, consists of whole blocks, and
 * shares no byte with another.
 * @throws FILE_CORRUPT, FILE_LIMIT, FILE_UNSUPPORTED for other versions and types
 * Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
export async function readHeader(source: Source): Promise<Header> {
  const cursor = openCursor(source);
  const version = await readVersion(cursor);
  const tensorCount = await cursor.count('tensors', { most: MAX_TENSORS, least: 8 + 4 + 4 + 8 });
  const metadata = await readMetadata(cursor, await cursor.count('pairs of metadata', METADATA_LIMIT));
  const alignment = alignmentOf(metadata, source.name);
  const infos = new Map<string, Info>();
  for (let i = 0; i < tensorCount; i++) {
    const name = await cursor.text('the name of a tensor', MAX_NAME_BYTES);
    if (infos.has(name)) throw corrupt(source.name, `tensor ${JSON.stringify(name)} comes twice`);
    infos.set(name, await readInfo(cursor, `${source.name}, tensor ${JSON.stringify(name.slice(0, 80))}`));
  }
  const start = Math.ceil(cursor.at() / alignment) * alignment;
  const tensors = new Map([...infos].map(([name, info]) => [name, { ...info, offset: start + info.offset }]));
  checkPlaces(tensors, alignment, source);
  return { version, alignment, metadata, tensors };
}

async function readVersion({ source, take }: Cursor): Promise<number> {
  const { name, size } = source;
  if (size < 24) throw corrupt(name, `has ${size} bytes: too few for a header`);
  const start = await take(8, 'the beginning');
  if (start.getUint32(0, true) !== MAGIC) {
    throw new TersorError('FILE_UNSUPPORTED', name, 'does not begin as a GGUF file', 'check that it was fetched whole, and what it is');
  }
  const version = start.getUint32(4, true);
  if (version === 2 || version === 3) return version;
  if ([2, 3].includes(start.getUint32(4, false))) {
    throw new TersorError('FILE_UNSUPPORTED', name, 'was made for big-endian machines', 'convert it: gguf-convert-endian');
  }
  throw new TersorError('FILE_UNSUPPORTED', name, `is GGUF version ${version}`, 'tersor reads versions 2 and 3');
}

function alignmentOf(metadata: Header['metadata'], where: string): number {
  const entry = metadata.get('general.alignment');
  if (!entry) return DEFAULT_ALIGNMENT;
  const alignment = Number(entry.text);
  if (entry.type !== 'u32' || alignment === 0 || alignment > MAX_ALIGNMENT || !Number.isInteger(Math.log2(alignment))) {
    throw corrupt(where, `general.alignment is ${entry.type} ${entry.text.slice(0, 20)}, which is no power of two`);
  }
  return alignment;
}

async function readInfo(cursor: Cursor, where: string): Promise<Info> {
  const rank = (await cursor.take(4, where)).getUint32(0, true);
  if (rank > MAX_RANK) throw new TersorError('FILE_LIMIT', where, `has ${rank} axes`, `ggml knows at most ${MAX_RANK}`);
  const view = await cursor.take(rank * 8 + 12, where);
  const shape = Array.from({ length: rank }, (_, i) => Number(view.getBigUint64((rank - 1 - i) * 8, true)));
  const type = typeOfNumber(view.getUint32(rank * 8, true), where);
  const offset = Number(view.getBigUint64(rank * 8 + 4, true));
  const row = shape.at(-1) ?? 1;
  if (row % type.values !== 0) throw corrupt(where, `has rows of ${row} values, in blocks of ${type.values}`);
  // a product that passes 2^53 is inexact, but then larger than any file, too; where one of many axes is 0, it may be no number
  const length = shape.includes(0) ? 0 : (elementsOf(shape) / type.values) * type.bytes;
  return { type, shape, offset, length };
}

function checkPlaces(tensors: Header['tensors'], alignment: number, { name, size }: Source): void {
  let end = 0;
  for (const [id, { offset, length, shape }] of [...tensors].sort(([, a], [, b]) => a.offset - b.offset || a.length - b.length)) {
    const about = `tensor ${JSON.stringify(id.slice(0, 80))} [${shape}]`;
    if (!(offset + length <= size)) throw corrupt(name, `${about} takes ${length} bytes from ${offset} on, and the file ends at ${size}`);
    if (offset % alignment !== 0) throw corrupt(name, `${about} begins at ${offset}, which is no multiple of ${alignment}`);
    if (offset < end) throw corrupt(name, `${about} begins at ${offset}, where another one goes on to ${end}`);
    end = offset + length;
  }
}
