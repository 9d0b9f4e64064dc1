import { opendir, realpath, stat } from 'node:fs/promises';
import { basename, join, relative, resolve, sep } from 'node:path';
import { TersorError } from '../core/error.ts';
import type { FolderFile } from '../core/folder-report.ts';
import { READING, reasonOf } from './node-file.ts';

/** More is no folder of models, but a disk. */
const MAX_ENTRIES = 10_000;

/** What belongs to tools, not to models. Hidden files and folders do, too. */
const OF_TOOLS: ReadonlySet<string> = new Set(['node_modules', '__pycache__', 'venv', '__MACOSX', 'Thumbs.db', 'desktop.ini']);

export interface Listing {
  /** In the order of their names, which have slashes. */
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
  /** Not looked into. */
  readonly leftOut: readonly FolderFile[];
}

/**
 * The files of a folder and its subfolders. Links to files inside are files; one that leads out is refused, for whoever is given the folder did
 * not mean to give away what lies elsewhere.
 * @throws FILE_MISSING, FILE_CORRUPT for a link that leads out or nowhere, FILE_LIMIT
 */
export async function listFolder(folder: string): Promise<Listing> {
  const root = await guarded(folder, () => realpath(folder));
  const files: { name: string; bytes: number }[] = [];
  const leftOut: FolderFile[] = [];
  const omit = (name: string, why: string) => void leftOut.push({ name, status: 'left-out', why });
  let count = 0;
  const waiting = [''];
  for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) {
    for await (const entry of await guarded(folder, () => opendir(join(root, place ?? '')))) {
      const name = place === '' ? entry.name : `${place}/${entry.name}`;
      if (++count > MAX_ENTRIES)
        throw new TersorError('FILE_LIMIT', folder, `holds more than ${MAX_ENTRIES} files`, 'name the folder of the models alone');
      if (entry.name.startsWith('.')) omit(entry.isDirectory() ? `${name}/` : name, 'hidden');
      else if (OF_TOOLS.has(entry.name)) omit(entry.isDirectory() ? `${name}/` : name, 'of tools, not of models');
      else if (entry.isDirectory()) waiting.push(name);
      else {
        const about = entry.isSymbolicLink() ? await behindLink(root, name) : await stat(join(root, name));
        if (about.isFile()) files.push({ name, bytes: about.size });
        else omit(name, about.isDirectory() ? 'a link to a folder' : 'no ordinary file');
      }
    }
  }
  const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
  return { files: files.sort(byName), leftOut: leftOut.sort(byName) };
}

export async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/** What lies directly in a folder, by name; nothing where it is none. */
export async function namesIn(folder: string): Promise<string[]> {
  if (!(await isFolder(folder))) return [];
  const names: string[] = [];
  for await (const { name } of await guarded(folder, () => opendir(folder))) {
    if (names.length >= MAX_ENTRIES) break;
    names.push(name);
  }
  return names.sort();
}

/** The last step of a folder's path, however it is written: `.` has a name, too. */
export function folderName(path: string): string {
  return basename(resolve(path));
}

/** The way from one folder to another leads through nothing above it. */
export function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && resolve(folder, way) === resolve(path));
}

async function behindLink(root: string, name: string) {
  const refused = (what: string) =>
    new TersorError('FILE_CORRUPT', name, what, 'copy the folder with what its links lead to: cp -rL <folder> <copy>');
  const real = await realpath(join(root, name)).catch(() => undefined);
  if (real === undefined) throw refused('is a link that leads nowhere');
  if (!isInside(root, real)) throw refused('is a link that leads out of the folder');
  return stat(real);
}

async function guarded<T>(folder: string, work: () => Promise<T>): Promise<T> {
  return work().catch((cause: unknown) => {
    throw new TersorError('FILE_MISSING', folder, reasonOf(cause, { ...READING, ENOTDIR: 'is no folder' }), 'check the path', { cause });
  });
}

/** Bytes of an ordinary file; undefined where there is none. */
export async function fileSize(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() ? found.size : undefined;
}
