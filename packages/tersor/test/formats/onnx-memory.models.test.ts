import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { runOnnx } from '../support/run-onnx.ts';

const MODEL = fileURLToPath(new URL('../../../../.cache/fixtures/minilm/model.onnx', import.meta.url));
const DIST = new URL('../../dist/', import.meta.url);

/** Reads and writes in a process of its own, which then says how much memory it ever had. */
const SCRIPT = `
const { peakMemory } = await import('${new URL('io/node-process.js', DIST)}');
const { openFolder, openNodeStore } = await import('${new URL('io/node-store.js', DIST)}');
const { openOnnx } = await import('${new URL('formats/onnx/open.js', DIST)}');
const { writeOnnx } = await import('${new URL('formats/onnx/write.js', DIST)}');
const [from, to] = process.argv.slice(1);
const { store, name } = await openFolder(from);
const out = openNodeStore(to);
await writeOnnx(await openOnnx(store, name), out, name);
await out.commit();
console.log(peakMemory());
`;

it.skipIf(!existsSync(MODEL))(
  'the 90 MB MiniLM is read and written within 150 MB, and gives the same bits',
  { timeout: 120_000 },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tersor-memory-'));
    try {
      const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', SCRIPT, MODEL, folder]);
      expect(Number(stdout)).toBeLessThan(150e6);
      const written = join(folder, basename(MODEL));
      expect((await stat(written)).size).toBeLessThanOrEqual((await stat(MODEL)).size);
      const sizes = { input_ids: [2, 8], attention_mask: [2, 8], token_type_ids: [2, 8] };
      expect(await runOnnx(written, sizes)).toEqual(await runOnnx(MODEL, sizes));
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);
