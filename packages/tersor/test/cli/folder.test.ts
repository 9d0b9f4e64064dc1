import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runFake } from './fake-shell.ts';
import { FOLDER_REPORT, INSPECTION } from './samples.ts';

let folder: string;
let model: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tersor-cli-folder-'));
  model = join(folder, 'model.onnx');
  await writeFile(model, '');
});
afterAll(() => rm(folder, { recursive: true }));

describe('a folder', () => {
  it('is compressed, planned and inspected as one', async () => {
    const { status, calls, out, err } = await runFake(['compress', folder, '--target', 'transformers.js', '--dtype', 'q8', '--skip', 'a*']);
    expect(status).toBe(0);
    expect(calls.map(({ name }) => name)).toEqual(['inspectFolder', 'compressFolder']);
    expect(calls[1]?.args[1]).toMatchObject({ target: 'transformers.js', dtype: 'q8', skip: ['a*'], output: `${basename(folder)}.min` });
    expect(err).toContain('whisper/  2 models');
    expect(out).toContain("pipeline('automatic-speech-recognition', './whisper.min'");
    expect((await runFake([folder, '--dry-run', '-q'])).calls.at(-1)?.name).toBe('planFolder');
    expect((await runFake(['inspect', folder])).out).toContain('onnx/encoder_model.onnx');
    expect((await runFake(['rounding', folder, '-o', 'x', '--bits', '4'])).calls.at(-1)).toMatchObject({
      name: 'compressFolder',
      args: [folder, { recipe: { steps: [{ use: 'rounding', bits: 4 }] } }],
    });
  });

  it('shares a size that is a part of all its models', async () => {
    const { calls } = await runFake([folder, '--max-size', '50%', '-q']);
    expect(calls.at(-1)?.args[1]).toMatchObject({ budget: { size: INSPECTION.bytes } });
  });

  it('has a report of its own, as a page and as data, which lies in neither folder', async () => {
    const [page, data] = [join(tmpdir(), `${basename(folder)}.html`), join(tmpdir(), `${basename(folder)}.json`)];
    await runFake([folder, '--report', page, '--report', data, '-q']);
    expect(await readFile(page, 'utf8')).toContain('onnx/decoder_model_merged_quantized.onnx');
    expect(JSON.parse(await readFile(data, 'utf8'))).toMatchObject({ models: [{ dtype: 'q8' }, { dtype: 'fp32' }] });
    await rm(page);
    await rm(data);
    expect(await runFake([folder, '--report', join(folder, 'r.json')])).toMatchObject({ status: 2, calls: [] });
    expect(await runFake([folder, '-o', 'out', '--report', 'out/r.json'])).toMatchObject({ status: 2, calls: [] });
    expect(await runFake([folder, '--save-recipe', 'r.json'])).toMatchObject({ status: 2, calls: [] });
  });

  it('fails when a promise is missed', async () => {
    const answer = { compressFolder: async () => ({ ...FOLDER_REPORT, outcome: 'missed' as const }) };
    expect((await runFake([folder], answer)).status).toBe(1);
  });

  it('is what some flags are for', async () => {
    for (const flags of [
      ['--target', 'transformers.js'],
      ['--dtype', 'q8'],
      ['--skip', 'a'],
    ]) {
      expect(await runFake([model, ...flags])).toMatchObject({ status: 2, err: expect.stringContaining('is for folders of models') });
    }
  });
});
