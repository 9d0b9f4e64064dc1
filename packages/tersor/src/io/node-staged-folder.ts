import { renameSync, rmSync } from 'node:fs';
import { constants, copyFile, link, mkdir, mkdtemp, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { TersorError } from '../core/error.ts';
import { adviceOf, codeOf, reasonOf, WRITING } from './node-file.ts';
import { isFolder, isInside, listFolder } from './node-folder.ts';

/** A folder that is put together where nobody sees it, and appears whole or not at all. */
export interface StagedFolder {
  /** A folder beside the one that is put together, for what may not be published. */
  aside(name: string): Promise<string>;
  /** @throws FILE_WRITE; FILE_EXISTS when the name is taken, or is another's on disks that know no capitals */
  copy(from: string, name: string): Promise<void>;
  write(name: string, text: string): Promise<void>;
  /** What lies aside gets its place. @throws as `copy` does */
  move(from: string, name: string): Promise<void>;
  publish(): Promise<void>;
  /** Removes whatever was not published. Never throws. */
  remove(): Promise<void>;
}

export interface StagedFolderOptions {
  /** The folder that is read; it is not written into. */
  readonly input: string;
  /** Whether a folder that is there may be replaced, file by file: what this says no to would be lost. */
  readonly force?: boolean;
  readonly replaces: (name: string) => boolean;
}

/**
 * @throws USAGE when the target is the input, in it or around it; FILE_EXISTS at once, not after the work, when it is there and holds something;
 *   FILE_WRITE
 */
export async function openStagedFolder(target: string, { input, force = false, replaces }: StagedFolderOptions): Promise<StagedFolder> {
  const place = resolve(target);
  await mustBeApart(input, target);
  await mustBeFree(target, force, replaces);
  const root = await guarded(target, () => mkdtemp(join(dirname(place), '.tersor-')));
  const removeNow = () => rmSync(root, { recursive: true, force: true });
  process.once('exit', removeNow); // whoever ends the process in the middle, it leaves nothing behind
  const made = join(root, 'new');
  await guarded(target, () => mkdir(made));
  const pathOf = async (name: string) => {
    const path = join(made, name);
    await guarded(target, () => mkdir(dirname(path), { recursive: true }));
    return path;
  };
  return {
    async aside(name) {
      const path = join(root, name);
      await guarded(target, () => mkdir(path, { recursive: true }));
      return path;
    },
    async copy(from, name) {
      const to = await pathOf(name);
      await guarded(name, () => copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE));
    },
    async move(from, name) {
      const to = await pathOf(name);
      await guarded(name, async () => {
        await link(from, to).catch(() => copyFile(from, to, constants.COPYFILE_EXCL)); // unlike a rename, neither replaces what is there
        await rm(from);
      });
    },
    async write(name, text) {
      const to = await pathOf(name);
      await guarded(name, () => writeFile(to, text, { flag: 'wx' }));
    },
    async publish() {
      await mustBeFree(target, force, replaces);
      await guarded(target, async () => swap(made, place, join(root, 'old'), await isFolder(place)));
    },
    async remove() {
      await rm(root, { recursive: true, force: true }).catch(() => {});
      process.off('exit', removeNow);
    },
  };
}

/** Both renames in one go: nothing can come between them but a power cut, and then the old folder is still there under a hidden name. */
function swap(made: string, place: string, old: string, exists: boolean): void {
  if (exists) renameSync(place, old);
  try {
    renameSync(made, place);
  } catch (error) {
    if (exists) renameSync(old, place);
    throw error;
  }
}

/** The result of a folder would be found as part of it next time, and the input would be lost inside the result. */
async function mustBeApart(input: string, target: string): Promise<void> {
  const from = await realpath(input);
  const to = await realpathOfNew(resolve(target));
  if (!isInside(from, to) && !isInside(to, from)) return;
  const what =
    from === to ? 'is the input itself, which is never overwritten' : isInside(from, to) ? 'is inside the input' : 'holds the input';
  throw new TersorError('USAGE', target, what, 'choose a folder elsewhere');
}

/** What is there is resolved, what is not yet there is taken as it is called. */
async function realpathOfNew(path: string): Promise<string> {
  const real = await realpath(path).catch(() => undefined);
  if (real !== undefined || dirname(path) === path) return real ?? path;
  return join(await realpathOfNew(dirname(path)), path.slice(dirname(path).length));
}

async function mustBeFree(target: string, force: boolean, replaces: (name: string) => boolean): Promise<void> {
  const found = await stat(target).catch(() => undefined);
  if (!found) return;
  if (!found.isDirectory()) throw new TersorError('FILE_WRITE', target, 'is a file, and the result is a folder', 'choose another name');
  const { files, leftOut } = await listFolder(target);
  const names = [...files, ...leftOut].map(({ name }) => name);
  if (names.length === 0) return;
  if (!force) throw new TersorError('FILE_EXISTS', target, 'exists already', 'choose another name, or replace it with --force');
  const lost = names.find((name) => !replaces(name));
  if (lost === undefined) return;
  throw new TersorError('FILE_EXISTS', target, `holds "${lost}", which is no earlier result and would be lost`, 'choose another name');
}

async function guarded<T>(where: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof TersorError) throw cause;
    if (codeOf(cause) === 'EEXIST')
      throw new TersorError('FILE_EXISTS', where, 'is the name of two files of the result', 'names must differ by more than capitals', {
        cause,
      });
    throw new TersorError('FILE_WRITE', where, reasonOf(cause, WRITING), adviceOf(cause), { cause });
  }
}
