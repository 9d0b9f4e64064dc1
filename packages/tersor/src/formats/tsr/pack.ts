import type { Decoder } from '@tersor/loader';
import { CHUNK_BYTES } from '../../core/chunk-bytes.ts';
import { TersorError } from '../../core/error.ts';
import type { CodingProfile, Elements, Kernels } from '../../core/kernels.ts';
import type { Sink, Source } from '../../core/source.ts';
import type { Span } from './base-spans.ts';
import type { StreamPlan, StreamsPlan } from './plan-streams.ts';
import { type BaseContent, type CodedChunk, type CodedStream, encodeHeader } from './write-header.ts';

export interface PackJob {
  readonly source: Source;
  readonly plan: StreamsPlan;
  readonly kernels: Kernels;
  readonly profile: CodingProfile;
  readonly decoder: Pick<Decoder, 'crc32c'>;
  /** Chunks that are coded at the same time. */
  readonly atOnce: number;
  /** What streams are coded as differences to: see docs/tsr.md, section 7. */
  readonly base?: { readonly source: Source; readonly spans: readonly (readonly Span[])[] };
  /** Tells equal bytes from others. */
  readonly digest: (bytes: Uint8Array) => string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** What became of a stream. */
export interface PackedStream extends CodedStream {
  readonly plan: StreamPlan;
  /** Coded bytes. */
  readonly length: number;
  /** How often each form was taken. */
  readonly forms: ReadonlyMap<string, number>;
}

const FORMS = ['planes', 'palette', 'sparse', 'matches', 'matches', 'levels'];
/** Those of chunks that are differences. */
const DIFFERENCES = ['unchanged', 'xor', 'difference', 'matches', 'signs'];

/** Codes all chunks of a file and writes them to `sink` in order. At most `atOnce` chunks are in memory. @throws INTERRUPTED */
export async function packChunks(job: PackJob, sink: Pick<Sink, 'write'>): Promise<PackedStream[]> {
  const { plan, signal, onProgress } = job;
  const total = plan.pieces.reduce((sum, { bytes }) => sum + bytes, 0);
  const packed = plan.streams.map((stream) => ({ plan: stream, chunks: [] as CodedChunk[], length: 0, forms: new Map<string, number>() }));
  const seen = new Map<string, number>();
  const running: Promise<() => Promise<void>>[] = [];
  let [number, done] = [0, 0];
  const finishOne = async () => (await running.shift())?.().then(() => onProgress?.(done, total));

  for (const [index, stream] of plan.streams.entries()) {
    const into = packed[index]!;
    const takeBase = baseReader(job.base?.source, job.base?.spans[index] ?? []);
    for await (const bytes of chunksOf(job.source, stream)) {
      if (signal?.aborted) throw new TersorError('INTERRUPTED', job.source.name, 'stopped while it was packed');
      const elements: Elements = {
        count: bytes.length / stream.width,
        width: stream.width,
        turned: stream.turned,
        columns: stream.columns,
      };
      const key = `${stream.width} ${stream.turned} ${stream.columns} ${job.digest(bytes)}`;
      const sameAs = seen.get(key);
      if (sameAs === undefined) seen.set(key, number);
      number++;
      const base = await takeBase(bytes.length);
      const coded = sameAs === undefined ? job.kernels.encodeChunk(bytes, elements, job.profile, base) : undefined;
      const store = async (result: Uint8Array | undefined) => {
        done += bytes.length;
        if (!result) {
          into.chunks.push({ count: elements.count, sameAs: sameAs ?? 0 });
          count(into.forms, 'duplicate');
          return;
        }
        into.chunks.push({ count: elements.count, length: result.length, crc32c: job.decoder.crc32c(result) });
        into.length += result.length;
        count(into.forms, FORMS[result[0] ?? 0] ?? DIFFERENCES[result[1] ?? 0] ?? 'difference');
        await sink.write(result);
      };
      const stored = Promise.resolve(coded).then((result) => () => store(result));
      stored.catch(() => {}); // whoever waits for it hears of it
      running.push(stored);
      if (running.length >= job.atOnce) await finishOne();
    }
  }
  while (running.length > 0) await finishOne();
  return packed.map((stream) => ({ ...stream, width: stream.plan.width, turned: stream.plan.turned, columns: stream.plan.columns }));
}

function count(forms: Map<string, number>, form: string): void {
  forms.set(form, (forms.get(form) ?? 0) + 1);
}

/** Bytes of a chunk at most: whole rows, where a row fits into one. */
export function chunkBytes({ width, columns }: Pick<Elements, 'width' | 'columns'>): number {
  const row = Math.max(1, columns) * width;
  return row > CHUNK_BYTES ? Math.floor(CHUNK_BYTES / width) * width : Math.floor(CHUNK_BYTES / row) * row;
}

/** A stream's bytes in chunks. */
async function* chunksOf(source: Source, { parts, bytes, width, columns }: StreamPlan): AsyncGenerator<Uint8Array> {
  const most = chunkBytes({ width, columns });
  let [part, at] = [0, 0];
  for (let left = bytes; left > 0; ) {
    const chunk = new Uint8Array(Math.min(most, left));
    for (let filled = 0; filled < chunk.length; ) {
      const { offset, bytes: size } = parts[part]!;
      const length = Math.min(size - at, chunk.length - filled);
      chunk.set(await source.read(offset + at, length), filled);
      filled += length;
      at += length;
      if (at === size) [part, at] = [part + 1, 0];
    }
    left -= chunk.length;
    yield chunk;
  }
}

/** Hands out what the next so many bytes of a stream resemble, zeros where they resemble nothing; undefined where none of them does. */
function baseReader(source: Source | undefined, spans: readonly Span[]): (bytes: number) => Promise<Uint8Array | undefined> {
  let [index, used] = [0, 0];
  return async (length) => {
    if (!source) return undefined;
    const bytes = new Uint8Array(length);
    let isLike = false;
    for (let filled = 0; filled < length && index < spans.length; ) {
      const { bytes: size, at } = spans[index]!;
      const part = Math.min(size - used, length - filled);
      if (at !== undefined) {
        bytes.set(await source.read(at + used, part), filled);
        isLike = true;
      }
      filled += part;
      used += part;
      if (used === size) [index, used] = [index + 1, 0];
    }
    return isLike ? bytes : undefined;
  };
}

/** The header of packed streams. */
export function headerOf(
  file: { name: string; bytes: number; sha256: Uint8Array },
  plan: StreamsPlan,
  streams: readonly PackedStream[],
  crc32c: Decoder['crc32c'],
  base?: BaseContent,
): Uint8Array {
  return encodeHeader({ file, streams, pieces: plan.pieces, ...(base && { base }) }, crc32c);
}
