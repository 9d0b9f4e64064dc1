import { type Chunk, type Header, headerLength, PREFIX_BYTES, readHeader, type Stream } from './container.ts';
import type { Decoder } from './decoder.ts';
import { corrupt } from './error.ts';

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

/** The bytes of a chunk, checked. @throws TsrError */
export async function readChunk(source: Bytes, stream: Stream, chunk: Chunk, decoder: Decoder): Promise<Uint8Array> {
  const coded = await source.read(chunk.offset, chunk.length);
  if (decoder.crc32c(coded) !== chunk.crc32c) throw corrupt(`is damaged between bytes ${chunk.offset} and ${chunk.offset + chunk.length}`);
  return decoder.decode(coded, { count: chunk.count, width: stream.width, turned: stream.turned, columns: stream.columns });
}

/**
 * The file's bytes, in order. No more than a chunk of each stream that is being read is in memory, and of all no more than `mostHeld` bytes.
 * @throws TsrError  where a chunk is damaged, or too many are begun; what came before it was right
 */
export async function* unpackFile(source: Bytes, header: Header, decoder: Decoder, mostHeld = MOST_HELD): AsyncGenerator<Uint8Array> {
  let held = 0;
  const hold = (bytes: number) => {
    held += bytes;
    if (held > mostHeld) throw corrupt(`takes turns between streams of more than ${mostHeld} bytes`);
  };
  const readers = header.streams.map((stream) => readerOf(source, stream, decoder, hold));
  for (const { stream, bytes } of header.pieces) {
    for (let left = bytes; left > 0; ) {
      const part = await readers[stream]!(left);
      left -= part.length;
      yield part;
    }
  }
}

/**
 * Hands out a stream's bytes one after the other, at most as many as are asked for.
 * @param hold  told how many bytes more are in memory, before they are
 */
function readerOf(source: Bytes, stream: Stream, decoder: Decoder, hold: (bytes: number) => void): (most: number) => Promise<Uint8Array> {
  let [next, at] = [0, 0];
  let current: Uint8Array = new Uint8Array();
  return async (most) => {
    while (at === current.length) {
      const chunk = stream.chunks[next++];
      if (!chunk) throw corrupt('has too few chunks');
      hold(chunk.count * stream.width);
      current = await readChunk(source, stream, chunk, decoder);
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
