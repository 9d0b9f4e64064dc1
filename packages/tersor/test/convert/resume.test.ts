import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { convert } from '../../src/convert.ts';
import type { AskedToConvert } from '../../src/core/asked.ts';
import { TINY_CONFIG, writeTinyLlama } from '../support/tiny-llama.ts';

let folder = '';
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tersor-convert-'));
  // tables of two megabytes, that there is something to be gone on with
  await writeTinyLlama(join(folder, 'tiny'), { config: { ...TINY_CONFIG }, change: widened });
  writeFileSync(join(folder, 'tiny/config.json'), JSON.stringify({ ...TINY_CONFIG, vocab_size: TOKENS }));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const TOKENS = 2 ** 15;

function widened(weights: Map<string, Float32Array>, shapes: Map<string, readonly number[]>): void {
  for (const name of ['model.embed_tokens.weight', 'lm_head.weight']) {
    weights.set(
      name,
      Float32Array.from({ length: TOKENS * 16 }, (_, i) => Math.sin(i)),
    );
    shapes.set(name, [TOKENS, 16]);
  }
}

const run = (output: string, asked: Partial<AskedToConvert> = {}) =>
  convert(join(folder, 'tiny'), { output: join(folder, output), ...asked });

it('a conversion that was interrupted is gone on with, with the same bytes', async () => {
  await run('whole.gguf');
  const controller = new AbortController();
  const onProgress: AskedToConvert['onProgress'] = ({ phase, done, total }) =>
    phase === 'write' && done > total * 0.6 && controller.abort();
  await expect(run('out.gguf', { resume: true, signal: controller.signal, onProgress })).rejects.toMatchObject({ code: 'INTERRUPTED' });
  const stage = join(folder, readdirSync(folder).find((name) => name.startsWith('.tersor-')) ?? 'none');
  await expect(run('out.gguf', { resume: true, recipe: { version: 1, steps: [{ use: 'gguf', type: 'F16' }] } })).rejects.toThrow(
    'is of another recipe',
  );
  const journal = readFileSync(join(stage, 'journal'), 'utf8');
  expect(journal).toContain('"mark"');
  const { notes } = await run('out.gguf', { resume: true });
  expect(notes).toEqual([{ about: 'resume', message: expect.stringMatching(/ MB of .* MB were there already/) }]);
  expect(Buffer.compare(readFileSync(join(folder, 'out.gguf')), readFileSync(join(folder, 'whole.gguf')))).toBe(0);
  expect(readdirSync(folder).sort()).toEqual(['out.gguf', 'tiny', 'whole.gguf']);
});

it('what describes the model is part of it', async () => {
  const controller = new AbortController();
  const onProgress: AskedToConvert['onProgress'] = ({ phase, done }) => phase === 'write' && done > 0 && controller.abort();
  await expect(run('out.gguf', { resume: true, signal: controller.signal, onProgress })).rejects.toMatchObject({ code: 'INTERRUPTED' });
  utimesSync(join(folder, 'tiny/tokenizer.json'), 1, 1);
  await expect(run('out.gguf', { resume: true })).rejects.toThrow('is of another model, or of one that has changed since');
});

it('so is a conversion to a folder', async () => {
  await run('model.gguf');
  const back = (output: string, asked: Partial<AskedToConvert> = {}) =>
    convert(join(folder, 'model.gguf'), { output: join(folder, output), ...asked });
  await back('whole/');
  const controller = new AbortController();
  const onProgress: AskedToConvert['onProgress'] = ({ phase, done, total }) =>
    phase === 'write' && done > total * 0.6 && controller.abort();
  await expect(back('out/', { resume: true, signal: controller.signal, onProgress })).rejects.toMatchObject({ code: 'INTERRUPTED' });
  const { notes } = await back('out/', { resume: true });
  expect(notes).toEqual([{ about: 'resume', message: expect.stringMatching(/ MB of .* MB were there already/) }]);
  expect(readdirSync(folder).sort()).toEqual(['model.gguf', 'out', 'tiny', 'whole']);
  for (const name of readdirSync(join(folder, 'whole')))
    expect(Buffer.compare(readFileSync(join(folder, 'out', name)), readFileSync(join(folder, 'whole', name))), name).toBe(0);
});
