import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { constants, createBrotliCompress } from 'node:zlib';
import { TersorError } from '../core/error.ts';
import { READING, reasonOf } from './node-file.ts';

const CHUNK = 2 ** 20;
/** What servers that compress ahead of time use; 11 takes ten times as long for a few percent. */
const QUALITY = 9;

/** SHA-256 of files one after the other, lower-case hex. @throws FILE_MISSING */
export async function sha256Of(paths: readonly string[], signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for (const path of paths) {
    await reading(path, async () => {
      for await (const chunk of createReadStream(path, { highWaterMark: CHUNK, signal })) hash.update(chunk);
    });
  }
  return hash.digest('hex');
}

/** How large files are, and when they were last changed, to the nanosecond. @throws FILE_MISSING */
export async function sizesAndTimes(paths: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths) {
    const { size, mtimeNs, ctimeNs } = await reading(path, () => stat(path, { bigint: true }));
    // whoever copies times of contents with them cannot copy that of the change
    found.push(`${size} ${mtimeNs} ${ctimeNs}`);
  }
  return found;
}

/** Bytes of files after brotli, each on its own, as servers send them. Nothing is kept in memory. @throws FILE_MISSING */
export async function brotliBytes(paths: readonly string[], signal?: AbortSignal): Promise<number> {
  let bytes = 0;
  for (const path of paths) {
    const brotli = createBrotliCompress({ chunkSize: CHUNK, params: { [constants.BROTLI_PARAM_QUALITY]: QUALITY } });
    const count = async (chunks: AsyncIterable<Uint8Array>) => {
      for await (const chunk of chunks) bytes += chunk.length;
    };
    await reading(path, () => pipeline(createReadStream(path, { highWaterMark: CHUNK }), brotli, count, { ...(signal && { signal }) }));
  }
  return bytes;
}

async function reading<T>(path: string, work: () => Promise<T>): Promise<T> {
  return work().catch((cause: unknown) => {
    throw new TersorError('FILE_MISSING', basename(path), reasonOf(cause, READING), 'check the path, and that you may read it', { cause });
  });
}
