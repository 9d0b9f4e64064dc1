import type { Report, TransferReport } from '../core/report.ts';
import { beside } from '../io/node-paths.ts';
import { openNodeStore } from '../io/node-store.ts';
import { brotliBytes, sha256Of } from '../io/node-weigh.ts';
import type { Attempt } from './attempt.ts';
import type { Job } from './job.ts';

/** What a report says of the files that were written. */
export interface FileFacts {
  readonly sha256: string;
  readonly transfer: NonNullable<Report['transfer']>;
}

/** Hashes a result where it was written, and finds out what it and the original weigh after brotli. @throws INTERRUPTED */
export async function weigh(
  { input, asked: { signal } }: Job,
  { folder, bytes }: Pick<Attempt, 'folder' | 'bytes'>,
  name: string,
): Promise<FileFacts> {
  const others = (await openNodeStore(folder).list()).filter((file) => file !== name);
  const files = modelFirst([name, ...others]).map((file) => beside(`${folder}/${name}`, file));
  const [sha256, before, after] = await Promise.all([
    sha256Of(files, signal),
    brotliBytes(input.files, signal),
    brotliBytes(files, signal),
  ]);
  const transfer: TransferReport = { before: { bytes: input.bytes, brotli: before }, after: { bytes, brotli: after } };
  return { sha256, transfer };
}

/** The order in which files are hashed: the model itself, then its data by name. */
export function modelFirst([model = '', ...data]: readonly string[]): string[] {
  return [model, ...data.sort()];
}
