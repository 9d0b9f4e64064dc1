import { createHash } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import envPaths from 'env-paths';

/** Where what took time to find is kept: `TERSOR_CACHE`, or the system's folder for such things. */
export function cacheFolder(): string {
  return process.env.TERSOR_CACHE || envPaths('tersor', { suffix: '' }).cache;
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** The oldest files of a folder go until there are no more, and no larger ones in all, than asked; those in `kept` stay. */
export async function removeOldest(
  folder: string,
  {
    files,
    bytes = Number.POSITIVE_INFINITY,
    kept = new Set(),
  }: { readonly files: number; readonly bytes?: number; readonly kept?: ReadonlySet<string> },
): Promise<void> {
  const paths = (await readdir(folder)).map((name) => join(folder, name));
  const aged = await Promise.all(paths.map(async (path) => ({ path, ...(await timeAndSize(path)) })));
  aged.sort((a, b) => b.time - a.time);
  let [count, total] = [0, 0];
  for (const { path, size } of aged) {
    count++;
    total += size;
    if ((count > files || total > bytes) && !kept.has(path)) await rm(path, { force: true });
  }
}

async function timeAndSize(path: string): Promise<{ readonly time: number; readonly size: number }> {
  const { mtimeMs: time, size } = await stat(path);
  return { time, size };
}
