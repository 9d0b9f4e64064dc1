import { type Chunk, type Header, headerLength, PREFIX_BYTES, readHeader, type Stream } from './container.ts';
import { type Decoder, openDecoder } from './decoder.ts';
import { type DownloadOptions, download } from './download.ts';
import { corrupt, TsrError } from './error.ts';

export interface LoadOptions extends DownloadOptions {
  /** Called with bytes of the download, so far and in all. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** What of onnxruntime is used: `import * as ort from 'onnxruntime-web'`, or -node. */
export interface Ort<Session> {
  readonly InferenceSession: { create(model: Uint8Array, options?: object): Promise<Session> };
}

/**
 * Downloads a packed ONNX model, decodes each chunk while the next ones arrive, and hands the model to onnxruntime.
 *
 * @param url  of a .tsr file
 * @throws TsrError when it is damaged, or is none; what `fetch` throws when it cannot be had; AbortError on request
 */
export async function loadModel<Session>(
  url: string | URL,
  { ort, sessionOptions, ...options }: LoadOptions & { readonly ort: Ort<Session>; readonly sessionOptions?: object },
): Promise<Session> {
  return ort.InferenceSession.create(await loadFile(url, options), sessionOptions);
}

/** The same, of any file: the bytes that were packed. At no time more than these, the header, one chunk and those that come again are in memory. */
export async function loadFile(url: string | URL, options: LoadOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
  const decoder = await openDecoder();
  const arriving = download(url, options);
  const take = taker(arriving.bytes, (done) => options.onProgress?.(done, arriving.total() ?? done));
  const prefix = await take(PREFIX_BYTES);
  const rest = await take(headerLength(prefix, decoder));
  const start = new Uint8Array(prefix.length + rest.length);
  start.set(prefix);
  start.set(rest, prefix.length);
  const header = readHeader(start, arriving.total(), decoder);
  const file = await place(header, take, decoder);
  if ((await take(1, true)).length > 0) throw corrupt('goes on behind its last chunk');
  return file;
}

/** Decodes chunks as they come and puts their bytes where they belong. */
async function place(header: Header, take: Take, decoder: Decoder): Promise<Uint8Array<ArrayBuffer>> {
  const file = roomFor(header.file.bytes);
  const placesOf = placesByStream(header);
  const decoded = new Map<number, Uint8Array>();
  const repeated = repeatedOffsets(header);
  for (const [index, stream] of header.streams.entries()) {
    const put = putter(file, placesOf[index] ?? []);
    for (const chunk of stream.chunks) {
      const bytes = decoded.get(chunk.offset) ?? decode(await take(chunk.length), stream, chunk, decoder);
      if (repeated.has(chunk.offset)) decoded.set(chunk.offset, bytes);
      put(bytes);
    }
  }
  return file;
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

function roomFor(bytes: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(bytes);
  } catch {
    throw new TsrError('unsupported', `holds a file of ${bytes} bytes: more than there is room for here`);
  }
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

/** Copies a stream's bytes, in order, to their places. */
function putter(file: Uint8Array, places: readonly Place[]): (bytes: Uint8Array) => void {
  let [index, at] = [0, places[0]?.at ?? 0];
  return (bytes) => {
    for (let from = 0; from < bytes.length; ) {
      const { end } = places[index]!;
      const length = Math.min(bytes.length - from, end - at);
      file.set(bytes.subarray(from, from + length), at);
      from += length;
      at += length;
      if (at === end) at = places[++index]?.at ?? 0;
    }
  };
}

type Take = (length: number, orLess?: boolean) => Promise<Uint8Array>;

/** Hands out exactly as many bytes as are asked for, as soon as they are there. */
function taker(parts: AsyncIterator<Uint8Array>, onBytes: (done: number) => void): Take {
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
      onBytes(done);
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
