import type { OnBase } from './base/open-base.ts';
import { type Chunk, type Header, headerLength, PREFIX_BYTES, readHeader, type Stream } from './container.ts';
import type { Decoder } from './decoder.ts';
import { corrupt, TsrError } from './error.ts';

/** Bytes of chunks that may be in memory: a stranger's file may go to and fro between a million streams. */
const MOST_HELD = 2 ** 29;

/** Bytes of a file, or of anything that can be read in ranges. */
export interface Bytes {
  readonly size: number;
  /** Exactly `length` bytes. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** @throws TsrError */
export async function openTsr(source: Bytes, decoder: Decoder): Promise<Header> {
  const prefix = await source.read(0, Math.min(PREFIX_BYTES, source.size));
  const length = headerLength(prefix, decoder);
  if (PREFIX_BYTES + length > source.size) throw corrupt('ends within its header');
  return readHeader(await source.read(0, PREFIX_BYTES + length), source.size, decoder);
}

/** The bytes of a chunk, checked. @param onBase  of a file that is a difference @throws TsrError */
export async function readChunk(source: Bytes, stream: Stream, chunk: Chunk, decoder: Decoder, onBase?: OnBase): Promise<Uint8Array> {
  const coded = await source.read(chunk.offset, chunk.length);
  if (decoder.crc32c(coded) !== chunk.crc32c) throw corrupt(`is damaged between bytes ${chunk.offset} and ${chunk.offset + chunk.length}`);
  const { width, turned, columns } = stream;
  const elements = { count: chunk.count, width, turned, columns };
  return onBase ? onBase.decode(coded, elements, chunk) : decoder.decode(coded, elements);
}

export interface UnpackOptions {
  readonly mostHeld?: number;
  /** Of a file that is a difference. */
  readonly onBase?: OnBase;
}

/**
 * The file's bytes, in order. No more than a chunk of each stream that is being read is in memory, and of all no more than `mostHeld` bytes.
 * @throws TsrError  where a chunk is damaged, too many are begun, or the base is missing; what came before it was right
 */
export async function* unpackFile(
  source: Bytes,
  header: Header,
  decoder: Decoder,
  { mostHeld = MOST_HELD, onBase }: UnpackOptions = {},
): AsyncGenerator<Uint8Array> {
  if (header.base && !onBase) throw new TsrError('base', 'is a difference to another file');
  let held = 0;
  const hold = (bytes: number) => {
    held += bytes;
    if (held > mostHeld) throw corrupt(`takes turns between streams of more than ${mostHeld} bytes`);
  };
  const readers = header.streams.map((stream) => readerOf(source, stream, { decoder, onBase, hold }));
  for (const { stream, bytes } of header.pieces) {
    for (let left = bytes; left > 0; ) {
      const part = await readers[stream]!(left);
      left -= part.length;
      yield part;
    }
  }
}

interface Reading {
  readonly decoder: Decoder;
  readonly onBase: OnBase | undefined;
  /** Told how many bytes more are in memory, before they are. */
  hold(bytes: number): void;
}

/** Hands out a stream's bytes one after the other, at most as many as are asked for. */
function readerOf(source: Bytes, stream: Stream, { decoder, onBase, hold }: Reading): (most: number) => Promise<Uint8Array> {
  let [next, at] = [0, 0];
  let current: Uint8Array = new Uint8Array();
  return async (most) => {
    while (at === current.length) {
      const chunk = stream.chunks[next++];
      if (!chunk) throw corrupt('has too few chunks');
      hold(chunk.count * stream.width);
      current = await readChunk(source, stream, chunk, decoder, onBase);
      at = 0;
    }
    const part = current.subarray(at, at + most);
    at += part.length;
    if (at === current.length) {
      hold(-current.length);
      [current, at] = [new Uint8Array(), 0];
    }
    return part;
  };
}
