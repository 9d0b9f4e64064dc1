import { type ByteWriter, byteWriter } from '../../core/byte-writer.ts';
import type { Elements } from '../../core/kernels.ts';

export interface CodedStream extends Omit<Elements, 'count'> {
  readonly chunks: readonly CodedChunk[];
}

export type CodedChunk =
  | { readonly count: number; readonly length: number; readonly crc32c: number }
  /** The same bytes as an earlier chunk's, counted over all streams. */
  | { readonly count: number; readonly sameAs: number };

export interface HeaderContent {
  readonly file: { readonly name: string; readonly bytes: number; readonly sha256: Uint8Array };
  readonly streams: readonly CodedStream[];
  readonly pieces: readonly { readonly stream: number; readonly bytes: number }[];
}

export const MAGIC = Uint8Array.of(0x89, 0x54, 0x53, 0x52, 0x0d, 0x0a, 0x1a, 0x0a);
const [MAJOR, MINOR] = [1, 1];

/** The bytes before the first chunk; see docs/tsr.md. */
export function encodeHeader(content: HeaderContent, crc32c: (bytes: Uint8Array) => number): Uint8Array {
  const body = byteWriter();
  section(body, 1, (writer) => {
    const name = new TextEncoder().encode(content.file.name);
    writer.number(name.length);
    writer.bytes(name);
    writer.number(content.file.bytes);
    writer.bytes(content.file.sha256);
  });
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
  const header = body.finish();
  const prefix = byteWriter();
  prefix.bytes(MAGIC);
  for (const byte of [MAJOR, MINOR, 0, 0]) prefix.byte(byte);
  prefix.bytes(u32(header.length));
  prefix.bytes(u32(crc32c(header)));
  prefix.bytes(u32(crc32c(prefix.finish())));
  prefix.bytes(header);
  return prefix.finish();
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
