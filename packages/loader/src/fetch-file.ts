import { type Cached, cachedIn, type Keeper } from './cache.ts';
import { type Chunk, type Header, headerLength, PREFIX_BYTES, readHeader, type Stream } from './container.ts';
import { type Decoder, openDecoder } from './decoder.ts';
import { type Download, type DownloadOptions, download, mustBeThere } from './download.ts';
import { corrupt, TsrError } from './error.ts';
import { roomFor } from './room.ts';
import type { Sha256 } from './sha256.ts';

export interface FetchOptions extends DownloadOptions {
  /** Called with bytes of the download, so far and in all. */
  readonly onProgress?: (done: number, total: number) => void;
  /** What coded bytes are kept under, for the next visit; false keeps nothing. */
  readonly cache?: string | false;
  /** Of a file whose bits are nested: how many a weight are wanted. All unless told. */
  readonly bits?: number;
  /** Called with the file once it has so many; the rest is loaded all the same. */
  readonly onFirst?: (file: Uint8Array<ArrayBuffer>) => void;
}

export interface Fetched {
  readonly file: Uint8Array<ArrayBuffer>;
  /** When it is kept for the next time, or is known not to be. */
  readonly kept: Promise<void>;
}

/**
 * Downloads a packed file and decodes each chunk while the next ones arrive. At no time more than its bytes, the header and one chunk are in memory.
 * @throws TsrError when it is damaged, or is none; what `fetch` throws when it cannot be had; AbortError on request
 */
export async function fetchFile(url: string, options: FetchOptions): Promise<Fetched> {
  const { fetch = globalThis.fetch, cache: name = false, signal } = options;
  const decoder = await openDecoder();
  const cached = name === false ? undefined : await cachedIn(name, url);
  const request = (headers: Readonly<Record<string, string>>) => fetch(url, { headers, ...(signal && { signal }) });
  if (cached?.response) {
    const newer = await newerThan(cached, request, signal);
    try {
      if (!newer) {
        const { file } = await decoded(download(url, cached.response, options), decoder, options);
        return { file, kept: Promise.resolve() };
      }
    } catch (error) {
      if (signal?.aborted) throw error;
      await cached.forget(); // the disk kept something else
    }
    if (newer) return fetchNew(url, newer, decoder, cached, options);
  }
  return fetchNew(url, mustBeThere(await request({}), url), decoder, cached, options);
}

async function fetchNew(
  url: string,
  response: Response,
  decoder: Decoder,
  cached: Cached | undefined,
  options: FetchOptions,
): Promise<Fetched> {
  const keeper = cached?.keep(response);
  try {
    const { file, isWhole } = await decoded(download(url, response, options), decoder, options, keeper);
    if (!isWhole) keeper?.abort();
    return { file, kept: (isWhole && keeper?.close()) || Promise.resolve() };
  } catch (error) {
    keeper?.abort();
    throw error;
  }
}

/** What the server has now, where that is another file. Whoever cannot be asked has nothing newer. */
async function newerThan(
  { condition }: Cached,
  request: (headers: Readonly<Record<string, string>>) => Promise<Response>,
  signal: AbortSignal | undefined,
): Promise<Response | undefined> {
  if (Object.keys(condition).length === 0) return undefined;
  const response = await request(condition).catch((error: unknown) => {
    if (signal?.aborted) throw error;
    return undefined;
  });
  return response?.status === 200 ? response : undefined;
}

async function decoded(arriving: Download, decoder: Decoder, options: FetchOptions, keeper?: Keeper): Promise<Decoded> {
  const take = taker(arriving.bytes, async (part, done) => {
    options.onProgress?.(done, arriving.total ?? done);
    await keeper?.write(part);
  });
  try {
    const prefix = await take(PREFIX_BYTES);
    const rest = await take(headerLength(prefix, decoder));
    const start = new Uint8Array(prefix.length + rest.length);
    start.set(prefix);
    start.set(rest, prefix.length);
    const header = readHeader(start, arriving.total, decoder);
    if (header.base) throw new TsrError('base', 'is a difference to another file');
    const found = header.nested
      ? await nestedFile(header, take, decoder, arriving.total, options)
      : { file: await place(header, take, decoder), isWhole: true };
    if (!found.isWhole) arriving.cancel();
    else if ((await take(1, true)).length > 0) throw corrupt('goes on behind its last chunk');
    return found;
  } catch (error) {
    arriving.cancel();
    throw error;
  }
}

interface Decoded {
  readonly file: Uint8Array<ArrayBuffer>;
  /** Nothing of the download was left. */
  readonly isWhole: boolean;
}

/** A file of as many bits as are wanted. What takes bits apart is loaded where there are some. */
async function nestedFile(
  header: Header,
  take: Take,
  decoder: Decoder,
  total: number | undefined,
  { bits = 8, onFirst }: FetchOptions,
): Promise<Decoded> {
  const { placeNested } = await import('./nested.ts');
  let isFirst = true;
  for await (const depth of placeNested(header, take, decoder, total)) {
    if (depth.isLast || (depth.bits >= bits && !onFirst)) return { file: depth.file, isWhole: depth.isLast };
    if (depth.bits < bits || !isFirst) continue;
    isFirst = false;
    onFirst?.(depth.file.slice());
  }
  throw corrupt('has no bits');
}

/** Decodes chunks as they come and puts their bytes where they belong. @throws TsrError where all of them together are not the file that was packed */
async function place(header: Header, take: Take, decoder: Decoder): Promise<Uint8Array<ArrayBuffer>> {
  const file = roomFor(header.file.bytes);
  const placesOf = placesByStream(header);
  const filled = header.streams.map(() => 0);
  const digest = digestBehind(file, header, filled, decoder.sha256());
  const repeated = repeatedOffsets(header);
  const placed = new Map<number, readonly Uint8Array[]>();
  for (const [index, stream] of header.streams.entries()) {
    const put = putter(file, placesOf[index] ?? []);
    for (const chunk of stream.chunks) {
      const parts = placed.get(chunk.offset) ?? [decode(await take(chunk.length), stream, chunk, decoder)];
      const spans = parts.flatMap(put);
      if (repeated.has(chunk.offset)) placed.set(chunk.offset, spans);
      filled[index]! += chunk.count * stream.width;
      digest.goOn();
    }
  }
  if (digest.end().some((byte, i) => byte !== header.file.sha256[i])) throw corrupt('holds another file than it says');
  return file;
}

/** Takes the digest of a file that fills up in any order, as far as there is no gap: most of the time it would only wait for the network. */
function digestBehind(file: Uint8Array, { pieces }: Header, filled: readonly number[], digest: Sha256) {
  const before = new Map<number, number>();
  const ends = pieces.map(({ stream, bytes }) => {
    const end = (before.get(stream) ?? 0) + bytes;
    before.set(stream, end);
    return end;
  });
  let [piece, begin, at] = [0, 0, 0];
  const goOn = () => {
    for (; piece < pieces.length; piece++) {
      const { stream, bytes } = pieces[piece]!;
      const there = begin + Math.max(0, Math.min(bytes, bytes - (ends[piece]! - filled[stream]!)));
      if (there > at) digest.update(file.subarray(at, there));
      at = Math.max(at, there);
      if (at < begin + bytes) return;
      begin += bytes;
    }
  };
  return {
    goOn,
    end: () => {
      goOn();
      return digest.digest();
    },
  };
}

function decode(coded: Uint8Array, stream: Stream, chunk: Chunk, decoder: Decoder): Uint8Array {
  if (decoder.crc32c(coded) !== chunk.crc32c) throw corrupt(`is damaged between bytes ${chunk.offset} and ${chunk.offset + chunk.length}`);
  return decoder.decode(coded, { count: chunk.count, width: stream.width, turned: stream.turned, columns: stream.columns });
}

/** Where chunks lie that are used more than once: they come only once. */
function repeatedOffsets({ streams }: Header): Set<number> {
  const [seen, repeated] = [new Set<number>(), new Set<number>()];
  for (const { chunks } of streams) for (const { offset } of chunks) (seen.has(offset) ? repeated : seen).add(offset);
  return repeated;
}

/** Where bytes of a stream belong in the file. */
interface Place {
  readonly at: number;
  readonly end: number;
}

/** Of every stream, in order. */
function placesByStream({ streams, pieces }: Header): Place[][] {
  const places = streams.map((): Place[] => []);
  let at = 0;
  for (const { stream, bytes } of pieces) {
    places[stream]?.push({ at, end: at + bytes });
    at += bytes;
  }
  return places;
}

/** Copies a stream's bytes, in order, to their places. @returns what puts bytes and gives back where they lie now */
function putter(file: Uint8Array, places: readonly Place[]): (bytes: Uint8Array) => Uint8Array[] {
  let [index, at] = [0, places[0]?.at ?? 0];
  return (bytes) => {
    const spans: Uint8Array[] = [];
    for (let from = 0; from < bytes.length; ) {
      const { end } = places[index]!;
      const length = Math.min(bytes.length - from, end - at);
      file.set(bytes.subarray(from, from + length), at);
      spans.push(file.subarray(at, at + length));
      from += length;
      at += length;
      if (at === end) at = places[++index]?.at ?? 0;
    }
    return spans;
  };
}

type Take = (length: number, orLess?: boolean) => Promise<Uint8Array>;

/** Hands out exactly as many bytes as are asked for, as soon as they are there. */
function taker(parts: AsyncIterator<Uint8Array>, onPart: (part: Uint8Array, done: number) => Promise<void>): Take {
  let [waiting, size, done]: [Uint8Array[], number, number] = [[], 0, 0];
  return async (length, orLess = false) => {
    while (size < length) {
      const { value, done: isOver } = await parts.next();
      if (isOver) {
        if (orLess) break;
        throw corrupt('ends too early');
      }
      waiting.push(value);
      size += value.length;
      done += value.length;
      await onPart(value, done);
    }
    const taken = new Uint8Array(Math.min(length, size));
    let filled = 0;
    while (filled < taken.length) {
      const part = waiting[0]!;
      const used = Math.min(part.length, taken.length - filled);
      taken.set(part.subarray(0, used), filled);
      filled += used;
      if (used === part.length) waiting.shift();
      else waiting[0] = part.subarray(used);
    }
    size -= taken.length;
    return taken;
  };
}
