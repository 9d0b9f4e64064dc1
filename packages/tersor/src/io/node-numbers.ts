import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { removeOldest, sha256 } from './node-cache.ts';
import { makeFolder } from './node-make-folder.ts';

/** Measurements by name, so that none is made twice: in memory, and where there is a folder also from one run to the next. */
export interface Numbers {
  /** The number of this name, measured when it is not known. */
  recall(name: string, measure: () => Promise<number>): Promise<number>;
  /** How many were recalled without measuring. */
  readonly recalled: number;
  /** Never throws: what cannot be kept is measured again. */
  save(): Promise<void>;
}

/** So often a long run is saved, in case that it is ended. */
const SAVE_MS = 20_000;
/** Older files go when there are more. */
const MAX_FILES = 64;
const MAX_BYTES = 64_000_000;
const VERSION = 1;

/**
 * The numbers that were found under the same circumstances.
 * @param folder  undefined keeps them in memory alone
 * @param about  everything that they depend on
 */
export async function openNumbers(folder: string | undefined, about: readonly string[]): Promise<Numbers> {
  const path = folder && join(folder, 'measured', `${sha256(JSON.stringify(about)).slice(0, 40)}.json`);
  const known = path ? await read(path) : new Map<string, number>();
  let saved = performance.now();
  let isNew = false;
  let recalled = 0;

  const save = async () => {
    saved = performance.now();
    if (!path || !isNew) return;
    isNew = false;
    await write(path, known).catch(() => {});
  };
  return {
    get recalled() {
      return recalled;
    },
    async recall(name, measure) {
      const key = name.length > 64 ? sha256(name) : name;
      const before = known.get(key);
      if (before !== undefined) {
        recalled++;
        return before;
      }
      const number = await measure();
      known.set(key, number);
      isNew = true;
      if (performance.now() - saved > SAVE_MS) await save();
      return number;
    },
    save,
  };
}

/** What cannot be read, or is not what was written, is not known. */
async function read(path: string): Promise<Map<string, number>> {
  try {
    if ((await stat(path)).size > MAX_BYTES) return new Map();
    const file: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof file !== 'object' || file === null || !('version' in file) || file.version !== VERSION || !('numbers' in file))
      return new Map();
    const entries = Object.entries(file.numbers ?? {}).map(([key, value]): [string, unknown] => [
      key,
      typeof value === 'string' ? Number(value) : value,
    ]);
    return new Map(entries.filter((entry): entry is [string, number] => typeof entry[1] === 'number'));
  } catch {
    return new Map();
  }
}

/** JSON has no infinity; such numbers are kept as text. */
async function write(path: string, numbers: ReadonlyMap<string, number>): Promise<void> {
  const folder = join(path, '..');
  makeFolder(folder);
  const plain = Object.fromEntries([...numbers].map(([key, value]) => [key, Number.isFinite(value) ? value : String(value)]));
  const temporary = `${path}.${process.pid}`;
  await writeFile(temporary, JSON.stringify({ version: VERSION, numbers: plain }));
  await rename(temporary, path);
  await removeOldest(folder, { files: MAX_FILES });
}
