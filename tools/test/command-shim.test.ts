import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root, runNode } from '../run.ts';

it('the command says what to do when nothing is built', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tersor-shim-'));
  try {
    cpSync(join(root, 'packages/tersor/bin'), join(folder, 'bin'), { recursive: true });
    const { status, output } = await runNode(join(folder, 'bin/tersor.js'), ['--version']);
    expect(output).toBe('tersor: not built yet (dist/bundle/main.js is missing)\n  build it with: npm run build\n');
    expect(status).toBe(4);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
