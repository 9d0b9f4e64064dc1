import { stat } from 'node:fs/promises';
import { TersorError } from '../core/error.ts';

/**
 * A result is renamed over what has its name, whatever that is: only an ordinary file may be lost that way, and only when asked for.
 *
 * @param flag  which the path was given by, where it was one
 * @throws FILE_EXISTS unless forced; FILE_WRITE for a folder, a device or a pipe, which nobody means to replace
 */
export async function mustBeReplaceable(path: string, force: boolean, flag?: string): Promise<void> {
  const advice = flag === undefined ? 'choose another name' : `choose another name with ${flag}`;
  const found = await stat(path).catch(() => undefined);
  if (!found) return;
  if (!found.isFile()) {
    const what = found.isDirectory() ? 'is a folder' : 'is no ordinary file, and would be replaced by one';
    throw new TersorError('FILE_WRITE', path, what, advice);
  }
  if (!force) throw new TersorError('FILE_EXISTS', path, 'exists already', `${advice}, or overwrite it with --force`);
}
