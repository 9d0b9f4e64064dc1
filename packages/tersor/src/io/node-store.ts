import { randomUUID } from 'node:crypto';
import { open, readdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { TersorError } from '../core/error.ts';
import type { Sink, Source, Store } from '../core/source.ts';
import { adviceOf, codeOf, createFile, type FileSink, openFile, READING, reasonOf, WRITING } from './node-file.ts';
import type { Journal } from './node-journal.ts';
import { mustHaveRoom } from './node-room.ts';

export interface NodeStoreOptions {
  /** Names that a person gave, not a file: these may be links that lead out of the folder. */
  readonly trusted?: readonly string[];
  /** What is created is gone on with where an interrupted run left it, and stays where it is staged until somebody removes the folder. */
  readonly journal?: Journal;
}

/**
 * A folder on disk. Names use slashes and stay inside: no absolute ones, no `..`, no link that leads out. Written files are staged under
 * hidden names beside their final place; `commit` renames them in the order in which they were created, so the file that names the
 * others is created last. What exists under a final name is replaced: whether it may be is the caller's to know.
 */
export function openNodeStore(folder: string, { trusted = [], journal }: NodeStoreOptions = {}): Store {
  const root = resolve(folder);
  const sources: { close(): Promise<void> }[] = [];
  let staged: Staged[] = [];
  return {
    name: folder,
    async list() {
      const entries = await readdir(root, { withFileTypes: true }).catch((error: unknown) => {
        throw new TersorError('FILE_MISSING', folder, reasonOf(error, READING), 'check the path', { cause: error });
      });
      return entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
    },
    async open(name): Promise<Source> {
      const path = inside(root, name);
      if (!trusted.includes(name)) await refuseLinksOut(root, path, name);
      await refuseOthers(path, name);
      const source = await openFile(path, name);
      sources.push(source);
      return source;
    },
    async create(name): Promise<Sink> {
      const path = inside(root, name);
      const { temporary, sink } = await (journal?.create(path, name) ?? createStaged(path, name));
      staged.push({ name, path, temporary, sink });
      return sink;
    },
    mustHaveRoom: (bytes) => mustHaveRoom(root, bytes),
    async commit() {
      for (const { sink } of staged) await sink.close();
      for (const { name, path, temporary } of staged) {
        await rename(temporary, path).catch((error: unknown) => {
          throw new TersorError('FILE_WRITE', name, reasonOf(error, WRITING), adviceOf(error), { cause: error });
        });
      }
      for (const path of new Set(staged.map(({ path }) => dirname(path)))) await syncFolder(path);
      staged = [];
    },
    async discard() {
      const abandoned = staged;
      staged = [];
      for (const { sink, temporary } of abandoned) {
        await sink.abandon();
        if (!journal) await rm(temporary, { force: true });
      }
    },
    async close() {
      for (const source of sources.splice(0)) await source.close();
    },
  };
}

/**
 * The folder of a model that a person named, and the model's name in it. The model itself may be a link, its data files may not lead out.
 */
export async function openFolder(path: string): Promise<{ readonly store: Store; readonly name: string }> {
  const name = basename(path);
  return { store: openNodeStore(dirname(path), { trusted: [name] }), name };
}

interface Staged {
  readonly name: string;
  readonly path: string;
  readonly temporary: string;
  readonly sink: FileSink;
}

async function createStaged(path: string, name: string): Promise<Pick<Staged, 'temporary' | 'sink'>> {
  const temporary = join(dirname(path), `.${basename(path).slice(0, 100)}.${randomUUID()}.part`);
  return { temporary, sink: await createFile(temporary, name) };
}

function inside(root: string, name: string): string {
  const path = resolve(root, name);
  const steps = name.split('/');
  if (name === '' || /^\/|^[a-z]:|\\/i.test(name) || name.includes('\0') || steps.includes('..') || !isWithin(root, path))
    throw leadsOut(name);
  return path;
}

function isWithin(root: string, path: string): boolean {
  const way = relative(root, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && resolve(root, way) === path;
}

function leadsOut(name: string): TersorError {
  return new TersorError('FILE_CORRUPT', name, "is not inside the model's folder", 'put all files of the model into one folder');
}

async function refuseLinksOut(root: string, path: string, name: string): Promise<void> {
  // a path that does not exist is for `open` to report
  const real = await realpath(path).catch(() => undefined);
  if (real !== undefined && !isWithin(await realpath(root), real)) throw leadsOut(name);
}

/** Folders, and pipes and devices, on which reading may wait for ever. */
async function refuseOthers(path: string, name: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || found.isFile()) return;
  if (found.isDirectory()) throw new TersorError('FILE_MISSING', name, READING.EISDIR, 'name the model file in it');
  throw new TersorError('FILE_MISSING', name, 'is no ordinary file', 'copy it into one first');
}

/** Makes the new names survive a power cut. Windows and some network disks cannot, and need not. */
async function syncFolder(path: string): Promise<void> {
  try {
    const handle = await open(path, 'r');
    await handle.sync().finally(() => handle.close());
  } catch (error) {
    if (!['EISDIR', 'EPERM', 'EINVAL', 'EACCES', 'ENOTSUP'].includes(codeOf(error))) throw error;
  }
}
