import { openDecoder, openTsr, TsrError, unpackFile } from '@tersor/loader';
import { TersorError } from '../core/error.ts';
import type { Source } from '../core/source.ts';
import { printable } from '../core/text/printable.ts';
import { openSha256 } from '../io/node-sha256.ts';

/** A file that was packed. */
export interface PackedFile {
  /** What it was called, where that is a name: files from strangers do not choose folders. */
  readonly name: string;
  readonly bytes: number;
  /** Its bytes, in order; they are those that were packed once this has returned. @throws FILE_CORRUPT, INTERRUPTED */
  read(write: (bytes: Uint8Array) => Promise<void>, signal?: AbortSignal): Promise<{ readonly sha256: string }>;
}

/** @param path  for messages @throws FILE_CORRUPT, FILE_UNSUPPORTED */
export async function openPacked(path: string, source: Source): Promise<PackedFile> {
  const decoder = await openDecoder();
  const header = await explained(path, () => openTsr(source, decoder));
  const { file } = header;
  return {
    name: safeName(file.name, source.name),
    bytes: file.bytes,
    read: (write, signal) =>
      explained(path, async () => {
        const hash = openSha256();
        for await (const bytes of unpackFile(source, header, decoder)) {
          if (signal?.aborted) throw new TersorError('INTERRUPTED', path, 'stopped while it was unpacked');
          hash.update(bytes);
          await write(bytes);
        }
        const digest = hash.digest();
        if (digest.some((byte, i) => byte !== file.sha256[i])) throw new TsrError('corrupt', 'gives back another file than was packed');
        return { sha256: Buffer.from(digest).toString('hex') };
      }),
  };
}

async function explained<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof TsrError)) throw error;
    const code = error.code === 'corrupt' ? 'FILE_CORRUPT' : 'FILE_UNSUPPORTED';
    const hint = error.code === 'corrupt' ? 'fetch it again' : 'was it made by "tersor pack"? A newer tersor may read it';
    throw new TersorError(code, path, error.message, hint, { cause: error });
  }
}

function safeName(name: string, packed: string): string {
  const isName = name !== '' && !/^\.|[/\\:]/.test(name) && printable(name) === name;
  return isName ? name : packed.replace(/\.tsr$/i, '').concat('.unpacked');
}
