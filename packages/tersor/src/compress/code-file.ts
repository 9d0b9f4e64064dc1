import { openDecoder } from '@tersor/loader';
import { TersorError } from '../core/error.ts';
import type { Sink, Source } from '../core/source.ts';
import { npzExtents } from '../formats/tsr/npz-extents.ts';
import { headerOf, packChunks } from '../formats/tsr/pack.ts';
import { type Extent, extentsOf, planStreams } from '../formats/tsr/plan-streams.ts';
import { isPacked } from '../io/node-paths.ts';
import { sha256OfBytes } from '../io/node-sha256.ts';
import { sha256Of } from '../io/node-weigh.ts';
import { codeNested } from './code-nested.ts';
import type { CodedFile, CodingJob } from './coding-job.ts';
import { openModel } from './open-model.ts';
import { planBase } from './plan-base.ts';

/** Codes the file at `path`, whose chunks go to `sink`. @throws FILE_MISSING, INTERRUPTED */
export async function codeFile(path: string, source: Source, asked: CodingJob, sink: Pick<Sink, 'write'>): Promise<CodedFile> {
  const { kernels, profile, atOnce, signal, onProgress } = asked;
  const decoder = await openDecoder();
  const { extents, note } = await findExtents(path, source);
  if (asked.nested !== undefined) return codeNested(source, extents, asked.nested, asked, sink);
  const sha256 = await sha256Of([path], signal);
  const plan = planStreams(extents, source.size);
  const base = asked.base && (await planBase(source, extents, plan, asked.base, signal));
  const job = {
    source,
    plan,
    kernels,
    profile,
    decoder,
    atOnce,
    digest: sha256OfBytes,
    ...(base && { base }),
    ...(signal && { signal }),
    ...(onProgress && { onProgress: (done: number, total: number) => onProgress({ phase: 'pack', done, total }) }),
  };
  const streams = await packChunks(job, sink);
  const file = { name: source.name, bytes: source.size, sha256: Buffer.from(sha256, 'hex') };
  const header = headerOf(file, plan, streams, decoder.crc32c, base);
  const bytes = streams.reduce((sum, { length }) => sum + length, header.length);
  return { header, streams, bytes, sha256, ...(base && { base: base.files }), ...(note !== undefined && { note }) };
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
