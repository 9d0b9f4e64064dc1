import { opendir } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';
import { TersorError } from '../core/error.ts';

/** More is no folder of samples, but a disk. */
const MAX_FILES = 1_000_000;

/**
 * Files with one of the extensions in a folder and its subfolders, in the order of their names; hidden ones are left out, and links are not followed into
 * folders.
 * @throws DATA_INVALID when there are too many
 */
export async function filesBelow(folder: string, extensions: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  let count = 0;
  const waiting = [folder];
  for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) {
    for await (const entry of await opendir(place)) {
      if (++count > MAX_FILES)
        throw new TersorError('DATA_INVALID', folder, `holds more than ${MAX_FILES} files`, 'name the folder of the samples alone');
      if (entry.name.startsWith('.')) continue;
      const path = join(place, entry.name);
      if (entry.isDirectory()) waiting.push(path);
      else if (extensions.includes(extname(entry.name).toLowerCase())) found.push(path);
    }
  }
  // in one order on every platform
  return found
    .map((path) => ({ path, key: path.replaceAll(sep, '/') }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ path }) => path);
}
