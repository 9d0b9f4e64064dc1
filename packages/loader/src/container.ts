import { type Cursor, cursorOf } from './cursor.ts';
import type { Elements } from './decode-chunk.ts';
import type { Decoder } from './decoder.ts';
import { corrupt, later, TsrError } from './error.ts';

/** Like PNG's: a byte that is no text, the name, and line ends that careless copying changes. */
const MAGIC = Uint8Array.of(0x89, 0x54, 0x53, 0x52, 0x0d, 0x0a, 0x1a, 0x0a);
const MAJOR = 1;
export const PREFIX_BYTES = 24;
/** Models with a million tensors have shorter headers. */
const MAX_HEADER_BYTES = 2 ** 26;
const MAX_CHUNK_BYTES = 2 ** 24;
const MAX_STREAMS = 2 ** 20;
const MAX_CHUNKS = 2 ** 24;
const MAX_BYTES = 2 ** 50;
/** What a section is. Readers skip numbers from 64 on that they do not know, and refuse smaller ones. */
const SECTIONS = { file: 1, streams: 2, pieces: 3, chunks: 4, base: 7, nested: 8 } as const;
const SKIPPABLE = 64;

/** What a file says about itself. */
export interface Header {
  /** The file that it holds. */
  readonly file: { readonly name: string; readonly bytes: number; readonly sha256: Uint8Array };
  readonly streams: readonly Stream[];
  /** The file as it lies: each piece is the next so many bytes of a stream. */
  readonly pieces: readonly Piece[];
  /** Where the first chunk begins. */
  readonly dataStart: number;
  /** What the file is a difference to: see `readBase`. */
  readonly base?: Uint8Array;
  /** How far it may be read: see `readNested`. */
  readonly nested?: Uint8Array;
}

/** Bytes of one kind: those of a weight, of several small ones, or what lies between weights. */
export interface Stream extends Omit<Elements, 'count'> {
  readonly bytes: number;
  readonly chunks: readonly Chunk[];
}

export interface Chunk {
  /** Elements of the stream. */
  readonly count: number;
  /** From the file's beginning. */
  readonly offset: number;
  readonly length: number;
  /** Of the coded bytes. */
  readonly crc32c: number;
}

export interface Piece {
  readonly stream: number;
  readonly bytes: number;
}

/** The length of the header, from the first 24 bytes. @throws TsrError */
export function headerLength(prefix: Uint8Array, { crc32c }: Pick<Decoder, 'crc32c'>): number {
  if (prefix.length < PREFIX_BYTES) throw corrupt('ends too early');
  if (MAGIC.some((byte, i) => prefix[i] !== byte)) throw new TsrError('unsupported', 'is no .tsr file');
  const cursor = cursorOf(prefix.subarray(MAGIC.length, PREFIX_BYTES));
  const [major, minor] = [cursor.byte(), cursor.byte()];
  cursor.bytes(2);
  const length = cursor.u32();
  cursor.u32();
  if (cursor.u32() !== crc32c(prefix.subarray(0, PREFIX_BYTES - 4))) throw corrupt('has a damaged header');
  if (major !== MAJOR) throw new TsrError('unsupported', `is of version ${major}.${minor}, and version ${MAJOR} is read`);
  if (length > MAX_HEADER_BYTES) throw corrupt();
  return length;
}

/**
 * Reads the header.
 * @param bytes  the file's first `24 + headerLength` bytes
 * @param fileBytes  how long the file is; undefined where that is not known yet
 * @throws TsrError
 */
export function readHeader(bytes: Uint8Array, fileBytes: number | undefined, decoder: Pick<Decoder, 'crc32c'>): Header {
  const length = headerLength(bytes, decoder);
  const body = bytes.subarray(PREFIX_BYTES, PREFIX_BYTES + length);
  if (body.length < length) throw corrupt();
  if (cursorOf(bytes.subarray(16, 20)).u32() !== decoder.crc32c(body)) throw corrupt('has a damaged header');
  const sections = readSections(cursorOf(body));
  const section = <T>(id: number, read: (cursor: Cursor) => T): T => {
    const payload = sections.get(id);
    if (!payload) throw corrupt();
    const cursor = cursorOf(payload);
    const value = read(cursor);
    if (cursor.left() > 0) throw corrupt();
    return value;
  };
  const dataStart = PREFIX_BYTES + length;
  const file = section(SECTIONS.file, readName);
  const kinds = section(SECTIONS.streams, readStreams);
  const nested = sections.get(SECTIONS.nested);
  const streams = section(SECTIONS.chunks, (cursor) => readChunks(cursor, kinds, dataStart, fileBytes, nested !== undefined));
  const pieces = section(SECTIONS.pieces, (cursor) => readPieces(cursor, streams, file.bytes, nested !== undefined));
  const base = sections.get(SECTIONS.base);
  return { file, streams, pieces, dataStart, ...(base && { base }), ...(nested && { nested }) };
}

function readSections(cursor: Cursor): Map<number, Uint8Array> {
  const sections = new Map<number, Uint8Array>();
  while (cursor.left() > 0) {
    const id = cursor.number(2 ** 20);
    const payload = cursor.bytes(cursor.number(cursor.left()));
    if (sections.has(id)) throw corrupt();
    if (id < SKIPPABLE && !(Object.values(SECTIONS) as number[]).includes(id)) {
      throw later(`section ${id}`);
    }
    sections.set(id, payload);
  }
  return sections;
}

/** A file's name, length and digest. */
export function readName(cursor: Cursor): Header['file'] {
  const name = new TextDecoder().decode(cursor.bytes(cursor.number(4096)));
  return { name, bytes: cursor.number(MAX_BYTES), sha256: cursor.bytes(32) };
}

interface Kind extends Omit<Elements, 'count'> {
  readonly chunks: number;
}

function readStreams(cursor: Cursor): Kind[] {
  let total = 0;
  return Array.from({ length: cursor.number(Math.min(MAX_STREAMS, cursor.left())) }, () => {
    const type = cursor.byte();
    // a single byte is never turned
    if (type > 7 || type === 4) throw corrupt();
    const columns = cursor.number(MAX_CHUNK_BYTES);
    const chunks = cursor.number(MAX_CHUNKS);
    total += chunks;
    if (total > MAX_CHUNKS) throw corrupt();
    return { width: 2 ** (type % 4), turned: type > 3, columns, chunks };
  });
}

/** A chunk of no length has the bytes of an earlier one, which is named. */
function readChunks(
  cursor: Cursor,
  kinds: readonly Kind[],
  dataStart: number,
  fileBytes: number | undefined,
  mayEndSooner: boolean,
): Stream[] {
  const all: (Chunk & { width: number; turned: boolean; columns: number })[] = [];
  let offset = dataStart;
  const streams = kinds.map(({ chunks, ...kind }) => {
    const own = Array.from({ length: chunks }, (): Chunk => {
      const count = cursor.number(Math.floor(MAX_CHUNK_BYTES / kind.width));
      const length = cursor.number(MAX_BYTES);
      if (length === 0) {
        const same = all[cursor.number(all.length - 1)];
        if (!same || same.count !== count || same.width !== kind.width || same.turned !== kind.turned || same.columns !== kind.columns) {
          throw corrupt();
        }
        all.push(same);
        return { count, offset: same.offset, length: same.length, crc32c: same.crc32c };
      }
      const chunk = { count, offset, length, crc32c: cursor.u32() };
      offset += length;
      all.push({ ...chunk, ...kind });
      return chunk;
    });
    return { ...kind, bytes: own.reduce((sum, { count }) => sum + count * kind.width, 0), chunks: own };
  });
  if (fileBytes !== undefined && offset !== fileBytes && !(mayEndSooner && fileBytes < offset))
    throw corrupt('ends elsewhere than its last chunk');
  return streams;
}

function readPieces(cursor: Cursor, streams: readonly Stream[], fileBytes: number, mayBeLeft: boolean): Piece[] {
  const left = streams.map(({ bytes }) => bytes);
  const pieces = Array.from({ length: cursor.number(cursor.left()) }, () => {
    const stream = cursor.number(streams.length - 1);
    const bytes = cursor.number(left[stream] ?? 0);
    left[stream]! -= bytes;
    return { stream, bytes };
  });
  if (!mayBeLeft && left.some((bytes) => bytes !== 0)) throw corrupt();
  const total = pieces.reduce((sum, { bytes }) => sum + bytes, 0);
  if (total !== fileBytes) throw corrupt();
  return pieces;
}
