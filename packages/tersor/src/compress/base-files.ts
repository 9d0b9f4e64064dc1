import type { Source } from '../core/source.ts';
import { isFolder, namesIn } from '../io/node-folder.ts';
import { beside } from '../io/node-paths.ts';
import { openFolder } from '../io/node-store.ts';
import { sha256Of } from '../io/node-weigh.ts';

/** A file that is open. */
export interface OpenFile {
  readonly source: Source;
  /** Reads all of it. */
  sha256(signal?: AbortSignal): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** @throws FILE_MISSING */
export async function openBaseFile(path: string): Promise<OpenFile> {
  const { store, name } = await openFolder(path);
  const source = await store.open(name);
  return { source, sha256: async (signal) => Buffer.from(await sha256Of([path], signal), 'hex'), close: () => store.close() };
}

/** Where the files are that a base may be made of: the path itself, or all in the folder, or in that of an index. @throws FILE_MISSING */
export async function baseFilesAt(path: string): Promise<string[]> {
  const folder = (await isFolder(path)) ? path.replace(/[/\\]+$/, '') : undefined;
  if (folder === undefined && !path.endsWith('.json')) return [path];
  const names = await namesIn(folder ?? beside(path, '.'));
  return names.map((name) => (folder === undefined ? beside(path, name) : `${folder}/${name}`));
}

/** Files one behind the other, as one. */
export function joinedSource(files: readonly Source[]): Source {
  const size = files.reduce((sum, file) => sum + file.size, 0);
  return {
    name: files.map(({ name }) => name).join(', '),
    size,
    async read(offset, length) {
      const bytes = new Uint8Array(length);
      let [begin, filled] = [0, 0];
      for (const file of files) {
        const from = offset + filled - begin;
        const part = Math.min(file.size - from, length - filled);
        if (from >= 0 && part > 0) {
          bytes.set(await file.read(from, part), filled);
          filled += part;
        }
        begin += file.size;
      }
      return bytes;
    },
  };
}
