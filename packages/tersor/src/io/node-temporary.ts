import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TersorError } from '../core/error.ts';
import { adviceOf, reasonOf, WRITING } from './node-file.ts';

/** Those that are there at the moment. */
const open = new Set<string>();

/** An empty folder where the system keeps what nobody asked for; it goes with the process at the latest. @throws FILE_WRITE */
export async function openTemporaryFolder(): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const root = tmpdir();
  const path = await mkdtemp(join(root, 'tersor-')).catch((cause: unknown) => {
    throw new TersorError('FILE_WRITE', root, reasonOf(cause, WRITING), adviceOf(cause), { cause });
  });
  if (open.size === 0) process.on('exit', removeAll);
  open.add(path);
  return {
    path,
    async remove() {
      await rm(path, { recursive: true, force: true }).catch(() => {});
      open.delete(path);
      if (open.size === 0) process.off('exit', removeAll);
    },
  };
}

function removeAll(): void {
  for (const path of open) rmSync(path, { recursive: true, force: true });
}
