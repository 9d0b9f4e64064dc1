import { TersorError } from '../core/error.ts';
import type { WriteOptions } from '../core/format.ts';
import type { Store } from '../core/source.ts';
import type { Piece } from './ranges.ts';

type FilePiece = Pick<Piece, 'size' | 'load'>;

/** Consecutive bytes of a file that belong together: a header, a weight. */
export interface FilePart {
  /** What it is, for progress. */
  readonly about: string;
  readonly bytes: number;
  /** Together all of the bytes, in order. */
  pieces(): readonly FilePiece[];
}

/** A file that is settled but for the values in it. */
export interface FilePlan {
  readonly name: string;
  readonly parts: readonly FilePart[];
}

/** Pieces that are made while an earlier one is written, at most: so that neither the disk nor the workers wait. */
const AHEAD = 2;
/** They are made only as long as all together take no more. */
const AHEAD_BYTES = 32 * 2 ** 20;

/** Bytes that are at hand. */
export function pieceOf(bytes: Uint8Array): FilePiece {
  return { size: bytes.length, load: async () => bytes };
}

export function partOf(about: string, bytes: Uint8Array): FilePart {
  return { about, bytes: bytes.length, pieces: () => [pieceOf(bytes)] };
}

export function bytesOfFiles(files: readonly FilePlan[]): number {
  return files.reduce((sum, { parts }) => sum + parts.reduce((bytes, part) => bytes + part.bytes, 0), 0);
}

/**
 * Writes files one after the other. A few pieces of values are in memory at a time.
 * @throws FILE_WRITE, INTERRUPTED, and what loading throws; the caller then discards what the store has staged
 */
export async function writeFiles(
  files: readonly FilePlan[],
  store: Store,
  { signal, onProgress }: Pick<WriteOptions, 'signal' | 'onProgress'>,
): Promise<void> {
  const total = bytesOfFiles(files);
  let done = 0;
  for (const [i, file] of files.entries()) {
    const { name, parts } = file;
    const sink = await store.create(name);
    const { kept = 0 } = sink;
    // of files behind it nobody knows yet how much an interrupted run left
    await store.mustHaveRoom?.(i === 0 && kept === 0 ? total : bytesOfFiles([file]) - kept);
    done += kept;
    for await (const { about, bytes, isLast } of piecesAhead(partsBehind(kept, parts, name))) {
      if (signal?.aborted) throw new TersorError('INTERRUPTED', name, 'writing was stopped', '', { cause: signal.reason });
      await sink.write(bytes);
      if (isLast) await sink.mark?.();
      done += bytes.length;
      onProgress?.(done, total, about);
    }
    await sink.close();
  }
}

/** What is left to write of a file whose first parts are there. */
function partsBehind(kept: number, parts: readonly FilePart[], name: string): readonly FilePart[] {
  let end = 0;
  const count = parts.findIndex(({ bytes }) => {
    if (end >= kept) return true;
    end += bytes;
    return false;
  });
  if (end !== kept) throw new TersorError('INTERNAL', name, `was to be gone on with behind ${kept} bytes, where nothing ends`);
  return count === -1 ? [] : parts.slice(count);
}

interface MadePiece {
  readonly about: string;
  readonly bytes: Uint8Array;
  /** Of its part. */
  readonly isLast: boolean;
}

/** The pieces of all parts in order, each begun while those before it are written. */
async function* piecesAhead(parts: readonly FilePart[]): AsyncGenerator<MadePiece> {
  const begun: { readonly size: number; readonly made: Promise<MadePiece> }[] = [];
  let bytes = 0;
  for (const { about, size, load, isLast } of piecesOfParts(parts)) {
    while (begun.length > AHEAD || (begun.length > 0 && bytes + size > AHEAD_BYTES)) {
      const first = begun.shift();
      if (!first) break;
      yield await first.made;
      bytes -= first.size;
    }
    const made = load().then((loaded) => ({ about, bytes: loaded, isLast }));
    made.catch(() => {}); // it is told of when its turn comes, and by then nobody may be listening any more
    begun.push({ size, made });
    bytes += size;
  }
  for (const { made } of begun) yield await made;
}

function* piecesOfParts(parts: readonly FilePart[]): Generator<FilePiece & Omit<MadePiece, 'bytes'>> {
  for (const { about, pieces } of parts) {
    const all = pieces();
    for (const [i, { size, load }] of all.entries()) yield { about, size, load, isLast: i === all.length - 1 };
  }
}
