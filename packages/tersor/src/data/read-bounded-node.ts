import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { TersorError } from '../core/error.ts';

/**
 * A whole file of at most `maxBytes`.
 * @throws DATA_INVALID when it is larger, or no ordinary file; FILE_MISSING when it cannot be read
 */
export async function readBounded(path: string, maxBytes: number): Promise<Uint8Array> {
  const name = basename(path);
  try {
    const about = await stat(path);
    if (!about.isFile()) throw new TersorError('DATA_INVALID', name, 'is no ordinary file', 'copy it into one first');
    if (about.size > maxBytes)
      throw new TersorError('DATA_INVALID', name, `has ${about.size} bytes, more than ${maxBytes}`, 'give a part of it');
    return await readFile(path);
  } catch (error) {
    if (error instanceof TersorError) throw error;
    throw new TersorError('FILE_MISSING', name, error instanceof Error ? error.message : String(error), 'check the path', { cause: error });
  }
}
