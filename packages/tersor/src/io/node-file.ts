import { constants } from 'node:buffer';
import { type FileHandle, open } from 'node:fs/promises';
import { TersorError } from '../core/error.ts';
import type { Sink, Source } from '../core/source.ts';

/** Small reads are served from what was read ahead: headers are walked, small weights lie side by side. */
const PAGE = 64 * 1024;

/** Released memory that is kept for reads to come: so many pieces at most, none of them larger than this. */
const MOST_SPARE = 4;
const LARGEST_SPARE = 2 ** 24;

/** A single read or write of the operating system takes less than 2 GiB. */
const LARGEST = 2 ** 30;

/** A file that can be read at any place. @throws FILE_MISSING */
export async function openFile(path: string, name: string): Promise<Source & { close(): Promise<void> }> {
  const handle = await open(path, 'r').catch((error: unknown) => {
    throw new TersorError('FILE_MISSING', name, reasonOf(error, READING), 'check the path, and that you may read it', { cause: error });
  });
  const { size } = await handle.stat();
  let page: Uint8Array = new Uint8Array();
  let pageStart = 0;
  const spare: ArrayBufferLike[] = [];
  /** Every byte is read, or the read fails. */
  const memoryFor = (length: number): ArrayBufferLike => {
    if (length > constants.MAX_LENGTH) {
      const what = `${length} bytes have to be in memory at once: a row, or a weight that is not read by rows`;
      throw new TersorError('FILE_LIMIT', name, what, `at most ${constants.MAX_LENGTH} can be`);
    }
    const at = spare.findIndex(({ byteLength }) => byteLength >= length && byteLength <= 2 * length);
    const [found] = at === -1 ? [] : spare.splice(at, 1);
    return found ?? Buffer.allocUnsafeSlow(length).buffer;
  };
  return {
    name,
    size,
    async read(offset, length) {
      if (!(offset >= 0 && length >= 0 && offset + length <= size)) {
        throw new TersorError('FILE_CORRUPT', name, `bytes ${offset} to ${offset + length} of a file of ${size}`);
      }
      if (length >= PAGE) return readExactly(handle, name, offset, new Uint8Array(memoryFor(length), 0, length));
      if (offset < pageStart || offset + length > pageStart + page.length) {
        page = await readExactly(handle, name, offset, new Uint8Array(Math.min(PAGE, size - offset)));
        pageStart = offset;
      }
      return page.slice(offset - pageStart, offset - pageStart + length);
    },
    release({ buffer, length }) {
      if (length < PAGE || buffer.byteLength > LARGEST_SPARE || spare.includes(buffer)) return;
      spare.push(buffer);
      if (spare.length > MOST_SPARE) spare.shift();
    },
    close: () => handle.close(),
  };
}

/** Fills `bytes`. */
async function readExactly(handle: FileHandle, name: string, offset: number, bytes: Uint8Array): Promise<Uint8Array> {
  const { length } = bytes;
  for (let done = 0; done < length; ) {
    const { bytesRead } = await handle.read(bytes, done, Math.min(LARGEST, length - done), offset + done).catch((error: unknown) => {
      throw new TersorError('FILE_MISSING', name, reasonOf(error, READING), 'check the disk and read it again', { cause: error });
    });
    if (bytesRead === 0) throw new TersorError('FILE_CORRUPT', name, 'became shorter while it was read', 'wait until nothing writes to it');
    done += bytesRead;
  }
  return bytes;
}

export interface FileSink extends Sink {
  /** Hands what was collected to the system: it is safe from the end of this process, not of the machine. */
  flush(): Promise<void>;
  abandon(): Promise<void>;
}

/**
 * A file being written. Small chunks are collected; `close` makes sure that the disk has them.
 * @param kept  bytes of a file that is there already; what is behind them goes, and what is written takes its place
 * @throws FILE_WRITE
 */
export async function createFile(path: string, name: string, kept = 0): Promise<FileSink> {
  const failed = (error: unknown) => new TersorError('FILE_WRITE', name, reasonOf(error, WRITING), adviceOf(error), { cause: error });
  const attempt = <T>(work: Promise<T>): Promise<T> => work.catch((error: unknown) => Promise.reject(failed(error)));
  const handle = await attempt(open(path, kept > 0 ? 'a' : 'wx'));
  if (kept > 0) await attempt(handle.truncate(kept));
  let waiting: Uint8Array[] = [];
  let size = 0;
  let closed = false;
  const put = async (bytes: Uint8Array) => {
    for (let done = 0; done < bytes.length; ) {
      done += (await attempt(handle.write(bytes, done, Math.min(LARGEST, bytes.length - done)))).bytesWritten;
    }
  };
  const flush = async () => {
    if (size === 0) return;
    const whole = Buffer.concat(waiting, size);
    [waiting, size] = [[], 0];
    await put(whole);
  };
  return {
    async write(chunk) {
      if (chunk.length >= PAGE) {
        await flush();
        return put(chunk);
      }
      waiting.push(chunk.slice());
      size += chunk.length;
      if (size >= PAGE) await flush();
    },
    flush,
    async close() {
      if (closed) return;
      await flush();
      await attempt(handle.sync());
      closed = true;
      await attempt(handle.close());
    },
    async abandon() {
      if (closed) return;
      closed = true;
      await handle.close();
    },
  };
}

/** What the operating system said, in words. */
export function reasonOf(error: unknown, words: Readonly<Record<string, string>>): string {
  const code = codeOf(error);
  return words[code] ?? (error instanceof Error ? error.message : String(error));
}

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

export const READING = {
  ENOENT: 'does not exist',
  EACCES: 'may not be read',
  EPERM: 'may not be read',
  EISDIR: 'is a folder',
  ELOOP: 'is a link that leads nowhere',
} as const;

export const WRITING = {
  ENOENT: 'its folder does not exist',
  ENOTDIR: 'its folder does not exist',
  EACCES: 'may not be written',
  EPERM: 'may not be written',
  EROFS: 'the disk is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file system does not take files of this size',
  ENAMETOOLONG: 'its name is too long',
} as const;

export function adviceOf(error: unknown): string {
  switch (codeOf(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'make the folder first';
    case 'ENOSPC':
    case 'EDQUOT':
      return 'free some space, or write elsewhere';
    default:
      return 'write elsewhere';
  }
}
