import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TersorError } from '../core/error.ts';
import { adviceOf, reasonOf, WRITING } from './node-file.ts';

/** An empty folder where the system keeps what nobody asked for; it goes with the process at the latest. @throws FILE_WRITE */
export async function openTemporaryFolder(): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const root = tmpdir();
  const path = await mkdtemp(join(root, 'tersor-')).catch((cause: unknown) => {
    throw new TersorError('FILE_WRITE', root, reasonOf(cause, WRITING), adviceOf(cause), { cause });
  });
  const removeNow = () => rmSync(path, { recursive: true, force: true });
  process.once('exit', removeNow);
  return {
    path,
    async remove() {
      await rm(path, { recursive: true, force: true }).catch(() => {});
      process.off('exit', removeNow);
    },
  };
}
