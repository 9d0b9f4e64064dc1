import type { Sink, Source } from '../core/source.ts';
import { openNodeStore } from '../io/node-store.ts';
import { codeFile } from './code-file.ts';
import type { CodedFile, CodingJob } from './coding-job.ts';

const COPY_BYTES = 2 ** 20;

/** A file in a folder, whole or not there at all; without a folder it is forgotten. */
export interface Place {
  readonly folder: string;
  readonly name: string;
}

/**
 * Codes the file at `path`. The container begins with its chunks' lengths, so these are written first, to a place of their own.
 * @param to  called when the chunks are written; absent: only to know what comes of it
 * @throws FILE_MISSING, FILE_WRITE, INTERRUPTED
 */
export async function writePacked(
  path: string,
  source: Source,
  job: CodingJob,
  chunks: Place | undefined,
  to: () => Promise<Place | undefined>,
): Promise<CodedFile> {
  const coded = await writing(chunks, (sink) => codeFile(path, source, job, sink));
  const target = await to();
  if (chunks && target) await writing(target, (sink) => join(coded.header, chunks, sink));
  return coded;
}

async function writing<T>(place: Place | undefined, work: (sink: Pick<Sink, 'write'>) => Promise<T>): Promise<T> {
  if (!place) return work({ write: async () => {} });
  const store = openNodeStore(place.folder);
  try {
    const result = await work(await store.create(place.name));
    await store.commit();
    return result;
  } catch (error) {
    await store.discard();
    throw error;
  }
}

/** The header, and the chunks behind it. */
async function join(header: Uint8Array, { folder, name }: Place, sink: Pick<Sink, 'write'>): Promise<void> {
  const store = openNodeStore(folder);
  try {
    const chunks = await store.open(name);
    await sink.write(header);
    for (let at = 0; at < chunks.size; at += COPY_BYTES) await sink.write(await chunks.read(at, Math.min(COPY_BYTES, chunks.size - at)));
  } finally {
    await store.close();
  }
}
