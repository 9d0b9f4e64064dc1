import { constants } from 'node:buffer';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openFile } from '../../src/io/node-file.ts';

it('says what does not fit into memory at once', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tersor-file-'));
  const path = join(folder, 'long');
  writeFileSync(path, '');
  // takes no room on the disk
  truncateSync(path, constants.MAX_LENGTH + 2 ** 20);
  const file = await openFile(path, 'long');
  try {
    await expect(file.read(0, constants.MAX_LENGTH + 1)).rejects.toMatchObject({ code: 'FILE_LIMIT', where: 'long' });
    expect((await file.read(constants.MAX_LENGTH, 2 ** 20)).length).toBe(2 ** 20);
  } finally {
    await file.close();
    rmSync(folder, { recursive: true });
  }
});
