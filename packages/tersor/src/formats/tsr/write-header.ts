import { type ByteWriter, byteWriter } from '../../core/byte-writer.ts';
import type { Elements } from '../../core/kernels.ts';
import type { Span } from './base-spans.ts';

export interface CodedStream extends Omit<Elements, 'count'> {
  readonly chunks: readonly CodedChunk[];
}

export type CodedChunk =
  | { readonly count: number; readonly length: number; readonly crc32c: number }
  /** The same bytes as an earlier chunk's, counted over all streams. */
  | { readonly count: number; readonly sameAs: number };

/** A file's name, length and digest. */
export interface NamedFile {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: Uint8Array;
}

/** What a file is a difference to. */
export interface BaseContent {
  readonly files: readonly NamedFile[];
  /** Of each stream, in order. */
  readonly spans: readonly (readonly Span[])[];
}

/** How far a file may be read: see docs/tsr.md, section 8. */
export interface NestedContent {
  readonly trees: number;
  readonly tables: number;
  readonly depths: readonly { readonly bits: number; readonly sha256: Uint8Array }[];
  readonly weights: readonly { readonly inner: number; readonly lines: number }[];
}

export interface HeaderContent {
  readonly file: NamedFile;
  readonly nested?: NestedContent;
  readonly base?: BaseContent;
  readonly streams: readonly CodedStream[];
  readonly pieces: readonly { readonly stream: number; readonly bytes: number }[];
}

export const MAGIC = Uint8Array.of(0x89, 0x54, 0x53, 0x52, 0x0d, 0x0a, 0x1a, 0x0a);
const [MAJOR, MINOR, MINOR_OF_LATER] = [1, 1, 2];

/** The bytes before the first chunk; see docs/tsr.md. */
export function encodeHeader(content: HeaderContent, crc32c: (bytes: Uint8Array) => number): Uint8Array {
  const body = byteWriter();
  section(body, 1, (writer) => writeFile(writer, content.file));
  section(body, 2, (writer) => {
    writer.number(content.streams.length);
    for (const { width, turned, columns, chunks } of content.streams) {
      writer.byte(Math.log2(width) + (turned ? 4 : 0));
      writer.number(columns);
      writer.number(chunks.length);
    }
  });
  section(body, 3, (writer) => {
    writer.number(content.pieces.length);
    for (const { stream, bytes } of content.pieces) {
      writer.number(stream);
      writer.number(bytes);
    }
  });
  section(body, 4, (writer) => {
    for (const { chunks } of content.streams) for (const chunk of chunks) writeChunk(writer, chunk);
  });
  const { base, nested } = content;
  if (base) section(body, 7, (writer) => writeBase(writer, base, content.streams));
  if (nested) section(body, 8, (writer) => writeNested(writer, nested));
  const header = body.finish();
  const prefix = byteWriter();
  prefix.bytes(MAGIC);
  for (const byte of [MAJOR, base || nested ? MINOR_OF_LATER : MINOR, 0, 0]) prefix.byte(byte);
  prefix.bytes(u32(header.length));
  prefix.bytes(u32(crc32c(header)));
  prefix.bytes(u32(crc32c(prefix.finish())));
  prefix.bytes(header);
  return prefix.finish();
}

function writeFile(writer: ByteWriter, { name, bytes, sha256 }: NamedFile): void {
  const utf8 = new TextEncoder().encode(name);
  writer.number(utf8.length);
  writer.bytes(utf8);
  writer.number(bytes);
  writer.bytes(sha256);
}

function writeBase(writer: ByteWriter, { files, spans }: BaseContent, streams: readonly CodedStream[]): void {
  writer.number(files.length);
  for (const file of files) writeFile(writer, file);
  let end = 0;
  for (const [i, { width }] of streams.entries()) {
    const own = spans[i] ?? [];
    writer.number(own.length);
    for (const { bytes, at } of own) {
      writer.number(bytes / width);
      writer.number(at === undefined ? 0 : 1 + 2 * Math.abs(at - end) - (at < end ? 1 : 0));
      if (at !== undefined) end = at + bytes;
    }
  }
}

function writeNested(writer: ByteWriter, { trees, tables, depths, weights }: NestedContent): void {
  for (const each of [trees, tables, depths.length]) writer.number(each);
  for (const { bits, sha256 } of depths) {
    writer.byte(bits);
    writer.bytes(sha256);
  }
  writer.number(weights.length);
  for (const { inner, lines } of weights) {
    writer.number(inner);
    writer.number(lines);
  }
}

function section(body: ByteWriter, id: number, write: (writer: ByteWriter) => void): void {
  const writer = byteWriter();
  write(writer);
  const payload = writer.finish();
  body.number(id);
  body.number(payload.length);
  body.bytes(payload);
}

function writeChunk(writer: ByteWriter, chunk: CodedChunk): void {
  writer.number(chunk.count);
  if ('sameAs' in chunk) {
    writer.number(0);
    writer.number(chunk.sameAs);
  } else {
    writer.number(chunk.length);
    writer.bytes(u32(chunk.crc32c));
  }
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
