import { createHash } from 'node:crypto';
import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Arrays, arraysInMemory } from '../core/arrays.ts';
import { removeOldest, sha256 } from './node-cache.ts';
import { makeFolder } from './node-make-folder.ts';

/** `TSRA`, and the version of what is behind it. */
const MAGIC = 0x31415254;
/** Statistics are a few megabytes, Gram matrices of the widest layers a few hundred. */
const MAX_FILE_BYTES = 2 ** 31 - 1;
const MAX_TOTAL_BYTES = 4e9;
const MAX_FILES = 4096;
const MAX_ARRAYS = 16;
const HASH_BYTES = 32;

/**
 * Arrays that were found under the same circumstances, in files that are written whole or not at all. What cannot be read, or is not what was written, is
 * not known; what cannot be written stays in memory.
 * @param about  everything that they depend on
 */
export function openArrays(folder: string, about: readonly string[]): Arrays {
  const at = join(folder, 'observed');
  const memory = arraysInMemory();
  const own = new Set<string>();
  const pathOf = (name: string) => join(at, `${sha256(JSON.stringify([...about, name])).slice(0, 40)}.bin`);
  return {
    async get(name) {
      return (await memory.get(name)) ?? (await read(pathOf(name)));
    },
    async put(name, arrays) {
      const path = pathOf(name);
      try {
        own.add(path);
        makeFolder(at);
        await write(path, arrays);
        await removeOldest(at, { files: MAX_FILES, bytes: MAX_TOTAL_BYTES, kept: own });
      } catch {
        await memory.put(name, arrays);
      }
    },
  };
}

/** The lengths and elements of all arrays, with a digest of both behind them. */
async function write(path: string, arrays: readonly Float64Array[]): Promise<void> {
  const header = new Float64Array([MAGIC, arrays.length, ...arrays.map(({ length }) => length)]);
  const parts = [header, ...arrays].map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength));
  const bytes = parts.reduce((sum, part) => sum + part.length, HASH_BYTES);
  if (bytes > MAX_FILE_BYTES) throw new RangeError(`${bytes} bytes are too many for a file`);
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  const temporary = `${path}.${process.pid}`;
  try {
    await writeFile(temporary, [...parts, hash.digest()]);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function read(path: string): Promise<Float64Array[] | undefined> {
  try {
    if ((await stat(path)).size > MAX_FILE_BYTES) return undefined;
    const file = await readFile(path);
    const body = file.subarray(0, file.length - HASH_BYTES);
    if (!createHash('sha256').update(body).digest().equals(file.subarray(body.length))) return undefined;
    const numbers = new Float64Array(body.buffer.slice(body.byteOffset, body.byteOffset + body.length));
    return split(numbers);
  } catch {
    return undefined;
  }
}

function split(numbers: Float64Array): Float64Array[] | undefined {
  const [magic, count = Number.NaN] = numbers;
  if (magic !== MAGIC || !(count >= 0 && count <= MAX_ARRAYS)) return undefined;
  const lengths = [...numbers.subarray(2, 2 + count)];
  let at = 2 + count;
  if (lengths.reduce((sum, length) => sum + length, at) !== numbers.length) return undefined;
  return lengths.map((length) => {
    at += length;
    return numbers.subarray(at - length, at);
  });
}
