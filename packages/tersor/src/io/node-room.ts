import { statfs } from 'node:fs/promises';
import { TersorError } from '../core/error.ts';
import { bytesText } from '../core/text/units.ts';

/** File systems round up, and others write, too. */
const SPARE_BYTES = 2 ** 20;

/** @throws FILE_WRITE when the disk of `folder` has less room than that; nothing where nobody can tell */
export async function mustHaveRoom(folder: string, bytes: number): Promise<void> {
  const disk = await statfs(folder).catch(() => undefined);
  const free = disk && disk.blocks > 0 ? disk.bavail * disk.bsize : Number.POSITIVE_INFINITY;
  if (bytes + SPARE_BYTES <= free) return;
  const what = `${bytesText(bytes)} are to be written, and the disk has room for ${bytesText(free)}`;
  throw new TersorError('FILE_WRITE', folder, what, 'free some space, or write elsewhere');
}
