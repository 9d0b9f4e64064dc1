import { openDecoder } from '@tersor/loader';
import { TersorError } from '../core/error.ts';
import type { CodingProfile, Kernels } from '../core/kernels.ts';
import type { Progress } from '../core/progress.ts';
import type { Sink, Source } from '../core/source.ts';
import { npzExtents } from '../formats/tsr/npz-extents.ts';
import { headerOf, type PackedStream, packChunks } from '../formats/tsr/pack.ts';
import { type Extent, extentsOf, planStreams } from '../formats/tsr/plan-streams.ts';
import { isPacked } from '../io/node-paths.ts';
import { sha256OfBytes } from '../io/node-sha256.ts';
import { sha256Of } from '../io/node-weigh.ts';
import { openModel } from './open-model.ts';

/** What a file becomes in the container: a header, and the chunks behind it. */
export interface CodedFile {
  readonly header: Uint8Array;
  readonly streams: readonly PackedStream[];
  /** Of both. */
  readonly bytes: number;
  /** Of the file, in hexadecimal. */
  readonly sha256: string;
  /** Why the file was taken for plain bytes, where it was. */
  readonly note?: string;
}

export interface CodingJob {
  readonly kernels: Kernels;
  readonly profile: CodingProfile;
  /** Chunks that are coded at the same time. */
  readonly atOnce: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

/** Codes the file at `path`, whose chunks go to `sink`. @throws FILE_MISSING, INTERRUPTED */
export async function codeFile(path: string, source: Source, asked: CodingJob, sink: Pick<Sink, 'write'>): Promise<CodedFile> {
  const { kernels, profile, atOnce, signal, onProgress } = asked;
  const sha256 = await sha256Of([path], signal);
  const decoder = await openDecoder();
  const { extents, note } = await findExtents(path, source);
  const plan = planStreams(extents, source.size);
  const job = {
    source,
    plan,
    kernels,
    profile,
    decoder,
    atOnce,
    digest: sha256OfBytes,
    ...(signal && { signal }),
    ...(onProgress && { onProgress: (done: number, total: number) => onProgress({ phase: 'pack', done, total }) }),
  };
  const streams = await packChunks(job, sink);
  const header = headerOf({ name: source.name, bytes: source.size, sha256: Buffer.from(sha256, 'hex') }, plan, streams, decoder.crc32c);
  const bytes = streams.reduce((sum, { length }) => sum + length, header.length);
  return { header, streams, bytes, sha256, ...(note !== undefined && { note }) };
}

interface Found {
  readonly extents: readonly Extent[];
  readonly note?: string;
}

/** A file that cannot be read as a model is packed all the same. */
async function findExtents(path: string, source: Source): Promise<Found> {
  if (isPacked(path)) return { extents: [], note: 'is packed already' };
  if (/\.np[zy]$/i.test(path)) return { extents: await npzExtents(source) };
  try {
    const { model, close } = await openModel(path);
    try {
      return { extents: extentsOf(model, source.name) };
    } finally {
      await close();
    }
  } catch (error) {
    if (!(error instanceof TersorError) || !error.code.startsWith('FILE_')) throw error;
    return { extents: [], note: `taken for plain bytes: ${error.what}` };
  }
}
