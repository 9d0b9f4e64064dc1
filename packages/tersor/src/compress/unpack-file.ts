import {
  type Base,
  type Decoder,
  type Header,
  type OnBase,
  openDecoder,
  openBase as openOnBase,
  openTsr,
  placeNested,
  readBase,
  TsrError,
  unpackFile,
} from '@tersor/loader';
import { TersorError } from '../core/error.ts';
import type { Source } from '../core/source.ts';
import { printable } from '../core/text/printable.ts';
import { openSha256 } from '../io/node-sha256.ts';
import { baseFilesAt, joinedSource, type OpenFile, openBaseFile } from './base-files.ts';

const STEP = 2 ** 22;

/** A file that was packed. */
export interface PackedFile {
  /** What it was called, where that is a name: files from strangers do not choose folders. */
  readonly name: string;
  readonly bytes: number;
  /** The files that it is a difference to; none where it is none. */
  readonly base: readonly Base[];
  /** Its bytes, in order; they are those that were packed once this has returned. @throws FILE_CORRUPT, INTERRUPTED */
  read(write: (bytes: Uint8Array) => Promise<void>, signal?: AbortSignal): Promise<{ readonly sha256: string }>;
}

/**
 * @param path  for messages
 * @param basePath  a file, an index or a folder, where the file is a difference
 * @throws FILE_CORRUPT, FILE_UNSUPPORTED
 */
export async function openPacked(path: string, source: Source, basePath?: string): Promise<PackedFile> {
  const decoder = await openDecoder();
  const header = await explained(path, () => openTsr(source, decoder));
  const { file } = header;
  const base = await explained(path, async () => readBase(header));
  return {
    name: safeName(file.name, source.name),
    bytes: file.bytes,
    base,
    read: (write, signal) =>
      explained(path, async () => {
        const on = await baseFor(path, header, { wanted: base, given: basePath, decoder, signal });
        try {
          const [parts, digest] = header.nested
            ? await deepest(source, header, decoder)
            : [unpackFile(source, header, decoder, on), file.sha256];
          return { sha256: await copy(parts, digest, path, write, signal) };
        } finally {
          await on.close();
        }
      }),
  };
}

/** As far as the file goes, which may end behind the last chunk of any depth. */
async function deepest(source: Source, header: Header, decoder: Decoder): Promise<[AsyncIterable<Uint8Array>, Uint8Array]> {
  let at = header.dataStart;
  const take = (length: number) => {
    if (at + length > source.size) throw new TsrError('corrupt', 'ends too early');
    at += length;
    return source.read(at - length, length);
  };
  for await (const { file, isLast, sha256 } of placeNested(header, take, decoder, source.size)) if (isLast) return [whole(file), sha256];
  throw new TsrError('corrupt', 'ends too early');
}

async function* whole(file: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < file.length; at += STEP) yield file.subarray(at, at + STEP);
}

async function copy(
  parts: AsyncIterable<Uint8Array>,
  sha256: Uint8Array,
  path: string,
  write: (bytes: Uint8Array) => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<string> {
  const hash = openSha256();
  for await (const bytes of parts) {
    if (signal?.aborted) throw new TersorError('INTERRUPTED', path, 'stopped while it was unpacked');
    hash.update(bytes);
    await write(bytes);
  }
  const digest = hash.digest();
  if (digest.some((byte, i) => byte !== sha256[i])) throw new TsrError('corrupt', 'gives back another file than was packed');
  return Buffer.from(digest).toString('hex');
}

interface Asked {
  readonly wanted: readonly Base[];
  /** A path. */
  readonly given: string | undefined;
  readonly decoder: Decoder;
  readonly signal: AbortSignal | undefined;
}

/** @throws BASE_MISSING where a base is wanted and none given, or not this one; USAGE where none is wanted */
async function baseFor(
  path: string,
  header: Header,
  { wanted, given, decoder, signal }: Asked,
): Promise<{ readonly onBase?: OnBase; close(): Promise<void> }> {
  if (wanted.length === 0) {
    if (given === undefined) return { close: async () => {} };
    throw new TersorError('USAGE', path, 'is no difference to a base', 'leave out --base');
  }
  const names = wanted.map(({ name }) => printable(name)).join(', ');
  if (given === undefined)
    throw new TersorError(
      'BASE_MISSING',
      path,
      `is a difference to ${names}`,
      `unpack it with that file: tersor unpack ${path} --base <file>`,
    );
  const files: OpenFile[] = [];
  const close = async () => void (await Promise.all(files.map((file) => file.close())));
  try {
    for (const file of await baseFilesAt(given)) files.push(await openBaseFile(file));
    const found: Source[] = [];
    for (const each of wanted) found.push((await find(files, each, path, given, signal)).source);
    return { onBase: await openOnBase(header, joinedSource(found), decoder), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** By length and digest: names change. */
async function find(
  files: readonly OpenFile[],
  wanted: Base,
  path: string,
  given: string,
  signal: AbortSignal | undefined,
): Promise<OpenFile> {
  for (const file of files.filter(({ source }) => source.size === wanted.bytes)) {
    if (Buffer.compare(await file.sha256(signal), wanted.sha256) === 0) return file;
  }
  const digest = Buffer.from(wanted.sha256).toString('hex');
  throw new TersorError(
    'BASE_MISSING',
    path,
    `is a difference to ${printable(wanted.name)}, ${wanted.bytes} bytes, which is not what "${given}" holds`,
    `its SHA-256 is ${digest}`,
  );
}

/** With errors that say which file. @throws FILE_CORRUPT, FILE_UNSUPPORTED */
export async function explained<T>(path: string, work: () => Promise<T>): Promise<T> {
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
