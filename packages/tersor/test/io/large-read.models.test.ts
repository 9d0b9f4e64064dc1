import { mkdtempSync, openSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openNodeStore } from '../../src/io/node-store.ts';

// takes as much memory as it reads
it('more than an operating system reads at a time, from behind 2 GiB', { timeout: 120_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tersor-read-'));
  const store = openNodeStore(folder);
  try {
    const path = join(folder, 'sparse');
    writeFileSync(path, '');
    truncateSync(path, 5e9);
    writeSync(openSync(path, 'r+'), Uint8Array.of(7), 0, 1, 4.6e9);
    const bytes = await (await store.open('sparse')).read(2.2e9, 2.4e9 + 1);
    expect([bytes.length, bytes.at(-1), bytes.at(-2)]).toEqual([2.4e9 + 1, 7, 0]);
  } finally {
    await store.close();
    rmSync(folder, { recursive: true });
  }
});
