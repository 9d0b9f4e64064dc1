import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, open, rename, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { TersorError } from '../core/error.ts';
import { adviceOf, createFile, type FileSink, openFile, reasonOf, WRITING } from './node-file.ts';
import type { Authorship, JournalRecord, Line, Mark } from './node-journal-record.ts';

/** What was written of some files so far, so that a later run can go on where this one is interrupted. */
export interface Journal {
  /** Bytes that an earlier run had written, of all files that were created since. */
  kept(): number;
  /**
   * Begins a file under a hidden name beside `path`, or goes on behind what an earlier run wrote of it, as far as that is what its marks say.
   * @param name  of the file, in marks and errors
   * @throws FILE_WRITE
   */
  create(path: string, name: string): Promise<{ readonly temporary: string; readonly sink: FileSink }>;
  /** From here on files leave for their places. */
  publish(): Promise<void>;
  close(): Promise<void>;
}

/** A checkpoint of a million small weights needs no journal as large as itself. */
const LEAST_BYTES = 2 ** 20;
/** What is read at a time. */
const STEP = 2 ** 22;

/** @param found  what the journal says already, when it is gone on with */
export async function openJournal(path: string, authorship: Authorship, found?: JournalRecord): Promise<Journal> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW;
  const handle = await guarded(path, () => open(path, flags));
  const put = (line: Line) => guarded(path, () => handle.write(`${JSON.stringify(line)}\n`));
  await guarded(path, () => handle.truncate(found?.length ?? 0));
  if (!found) await put({ journal: authorship });
  await put({ owner: { pid: process.pid, host: hostname() } });
  let kept = 0;
  return {
    kept: () => kept,
    async create(file, name) {
      const temporary = join(dirname(file), `.${basename(file).slice(0, 100)}.part`);
      if (await isOrdinary(file)) await guarded(name, () => rename(file, temporary)); // all of it had been written
      const end = (await isOrdinary(temporary)) ? await verified(temporary, name, found?.marks.get(name) ?? []) : 0;
      if (end === 0) await guarded(name, () => rm(temporary, { force: true }));
      kept += end;
      const sink = await createFile(temporary, name, end);
      return { temporary, sink: marking(sink, name, end, (mark) => put({ mark })) };
    },
    publish: async () => void (await put({ publishing: true })),
    close: () => handle.close(),
  };
}

/** A sink that writes marks when it is asked to, if there is enough to be marked. */
function marking(sink: FileSink, file: string, kept: number, put: (mark: Mark) => Promise<unknown>): FileSink {
  let hash = createHash('sha256');
  let [start, end] = [kept, kept];
  const mark = async () => {
    await sink.flush();
    await put({ file, start, end, sha256: hash.digest('hex') });
    hash = createHash('sha256');
    start = end;
  };
  return {
    ...sink,
    kept,
    async write(chunk) {
      await sink.write(chunk);
      hash.update(chunk);
      end += chunk.length;
    },
    async mark() {
      if (end - start >= LEAST_BYTES) await mark();
    },
    async close() {
      if (end > start) await mark();
      await sink.close();
    },
  };
}

/** Up to where a file is what its marks say. */
async function verified(path: string, name: string, marks: readonly Mark[]): Promise<number> {
  const source = await openFile(path, name);
  try {
    let whole = 0;
    for (const { start, end, sha256 } of marks) {
      if (end > source.size) break;
      const hash = createHash('sha256');
      for (let at = start; at < end; at += STEP) hash.update(await source.read(at, Math.min(STEP, end - at)));
      if (hash.digest('hex') !== sha256) break;
      whole = end;
    }
    return whole;
  } finally {
    await source.close();
  }
}

/** A file, and no link: what is gone on with is written to. */
async function isOrdinary(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  return found?.isFile() === true && found.nlink === 1;
}

async function guarded<T>(where: string, work: () => Promise<T>): Promise<T> {
  return work().catch((cause: unknown) => {
    throw new TersorError('FILE_WRITE', where, reasonOf(cause, WRITING), adviceOf(cause), { cause });
  });
}
