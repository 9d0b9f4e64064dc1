import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('../.cache/bench', import.meta.url));

/** SHA-256 of strings and bytes, one after the other. */
export function digestOf(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex').slice(0, 24);
}

/** Of all files of a folder of sources: what their results depend on. */
export function digestOfSources(folder: URL): string {
  return digestOf(
    ...readdirSync(folder)
      .sort()
      .map((name) => readFileSync(new URL(name, folder))),
  );
}

/** A path in the cache. */
export function cached(name: string): string {
  mkdirSync(FOLDER, { recursive: true });
  return join(FOLDER, name);
}

/** What `make` gives, or gave when it was last called with the same key. Only what JSON holds. */
export async function remember<T>(key: string, make: () => Promise<T> | T): Promise<T> {
  const path = cached(`${key}.json`);
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    const made = await make();
    writeFileSync(path, JSON.stringify(made));
    return made;
  }
}
