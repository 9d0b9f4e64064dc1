import { unzipSync } from 'fflate';
import type { Value } from '../core/engine.ts';
import { TersorError } from '../core/error.ts';
import { parseNpy } from './npy.ts';

/** What the arrays of one file may take in memory: more than calibration ever needs, and less than harms. */
const MAX_UNPACKED_BYTES = 2 ** 30;
const MAX_ARRAYS = 10_000;

/**
 * The arrays of an .npz file (a zip of .npy), by name.
 * @throws DATA_INVALID when it is not one, or unpacks to more than 1 GiB
 */
export function parseNpz(bytes: Uint8Array, where: string): Map<string, Value> {
  let unpacked = 0;
  let count = 0;
  const tooLarge = () =>
    new TersorError('DATA_INVALID', where, `unpacks to more than ${MAX_UNPACKED_BYTES} bytes`, 'split it into several files of one folder');
  let files: Record<string, Uint8Array>;
  try {
    files = unzipSync(bytes, {
      filter: ({ name, originalSize }) => {
        unpacked += originalSize;
        count += 1;
        if (unpacked > MAX_UNPACKED_BYTES || count > MAX_ARRAYS) throw tooLarge();
        return name.endsWith('.npy');
      },
    });
  } catch (error) {
    if (error instanceof TersorError) throw error;
    throw new TersorError('DATA_INVALID', where, 'is not an .npz file', 'write it with numpy.savez', { cause: error });
  }
  return new Map(
    Object.entries(files).map(([file, content]) => {
      const name = file.slice(0, -'.npy'.length);
      return [name, parseNpy(content, `${where}: ${name}`)];
    }),
  );
}
