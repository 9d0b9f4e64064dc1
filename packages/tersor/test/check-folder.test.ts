import { appendFileSync, copyFileSync, cpSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { checkFolder } from '../src/check-folder.ts';
import { compressFolder } from '../src/compress-folder.ts';
import type { FolderReport } from '../src/core/folder-report.ts';
import type { Progress } from '../src/core/progress.ts';
import { encoder, perceptron, putFiles } from './support/model-folders.ts';
import { written } from './support/runtimes.ts';

vi.mock('../src/evaluate/latency.ts', async (original) => (await import('./support/quick-latency.ts')).quickLatency(original));

let root = '';
let made = '';
let folder = '';
let report: FolderReport;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'tersor-check-folder-'));
  made = join(root, 'made');
  putFiles(join(root, 'in'), {
    'config.json': '{"architectures":["BertModel"]}',
    'tokenizer.json': '{}',
    'onnx/model.onnx': await written(encoder()),
    'onnx/decoder.onnx': await written(perceptron()),
  });
  const asked = { output: made, target: 'transformers.js', skip: ['**/decoder'], budget: { drop: 0.05 }, weigh: true } as const;
  report = await compressFolder(join(root, 'in'), { ...asked, recipe: { version: 1, steps: [{ use: 'rtn' }] } });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));
beforeEach(() => {
  folder = join(root, 'out');
  cpSync(made, folder, { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const asJson = (change: object = {}) => JSON.parse(JSON.stringify({ ...report, ...change }));
const SMALL = 'onnx/model_quantized.onnx';
const STAYS = 'onnx/decoder.onnx';

const statuses = ({ models, rows }: Awaited<ReturnType<typeof checkFolder>>) => ({
  ...Object.fromEntries(models.map(({ name, check }) => [name, check.rows.map(({ name, status }) => `${name} ${status}`)])),
  rows: rows.map(({ status, actual }) => `${status}: ${actual}`),
});

describe('a folder and its report', () => {
  it('every model is measured again, those that stay are the same file, and what lies beside is there', async () => {
    const seen: Progress[] = [];
    const checked = await checkFolder(asJson(), folder, { onProgress: (progress) => seen.push(progress) });
    expect(checked.kept).toBe(true);
    expect(statuses(checked)).toEqual({
      [STAYS]: ['bytes kept', 'sha256 kept'],
      [SMALL]: ['bytes kept', 'sha256 kept', 'inputs kept', 'loads kept', 'smaller kept', 'drop indicated'],
      rows: ['kept: there'],
    });
    expect(checked.models[1]?.check.quality?.drop).toBe(report.models[1]?.report?.quality?.drop);
    expect(seen.at(-1)?.model).toEqual({ name: SMALL, number: 2, count: 2 });
  });

  it('finds originals where it is told to', async () => {
    renameSync(join(root, 'in'), join(root, 'moved'));
    try {
      await expect(checkFolder(asJson(), folder)).rejects.toMatchObject({
        code: 'FILE_MISSING',
        hint: expect.stringContaining('--original'),
      });
      expect((await checkFolder(asJson(), folder, { original: join(root, 'moved') })).kept).toBe(true);
      // the files alone need none
      expect((await checkFolder(asJson(), folder, { run: false })).kept).toBe(true);
    } finally {
      renameSync(join(root, 'moved'), join(root, 'in'));
    }
  });

  it('notices a model and files that changed', async () => {
    appendFileSync(join(folder, STAYS), '\0');
    writeFileSync(join(folder, 'tokenizer.json'), '{"model":1}');
    rmSync(join(folder, 'config.json'));
    const checked = await checkFolder(asJson(), folder, { run: false }).catch((error: unknown) => error);
    // a byte behind the end of protobuf is damage
    expect(checked).toMatchObject({ code: 'FILE_CORRUPT', where: expect.stringMatching(/^onnx\/decoder\.onnx/) });
    copyFileSync(join(folder, SMALL), join(folder, STAYS));
    const changed = await checkFolder(asJson(), folder, { run: false });
    expect(changed.kept).toBe(false);
    expect(statuses(changed)).toMatchObject({
      [STAYS]: ['bytes missed', 'sha256 missed'],
      rows: ['missed: missing', 'missed: 11'],
    });
  });

  it('takes inputs by the names of models', async () => {
    const ids = (i: number) => ({ input_ids: { dtype: 'i64' as const, shape: [1, 4], data: BigInt64Array.of(1n, 2n, 3n, BigInt(i)) } });
    const data = { 'onnx/model': Array.from({ length: 8 }, (_, i) => ids(i)) };
    const { models } = await checkFolder(asJson(), folder, { data });
    expect(models[1]?.check.quality?.evidence).toBe('data');
    expect(models[1]?.check.rows.find(({ name }) => name === 'inputs')?.status).toBe('unverified');
    const other = checkFolder(asJson(), folder, { data: { modle: data['onnx/model'] } });
    await expect(other).rejects.toMatchObject({ code: 'DATA_INVALID', hint: 'did you mean "model"?' });
  });
});

it('a model that is gone is an error before anything is run', async () => {
  rmSync(join(folder, SMALL));
  await expect(checkFolder(asJson(), folder)).rejects.toMatchObject({ code: 'FILE_MISSING', where: `${folder}/${SMALL}` });
  await expect(checkFolder(asJson(), join(root, 'nowhere'))).rejects.toMatchObject({ code: 'FILE_MISSING', what: 'is no folder' });
});

it.each<[string, () => object, string]>([
  [
    'leads out of the folder',
    () => ({ models: [{ ...report.models[0], output: '../secret.onnx' }] }),
    'report models[0].output: is "../secret.onnx"',
  ],
  ['names a place of its own', () => ({ files: [{ name: 'C:\\secret', status: 'carried' }] }), 'report files[0].name'],
  ['is a plan', () => ({ outcome: 'planned' }), 'no file was made'],
  ['lacks the report of a model', () => ({ models: [{ ...report.models[1], report: undefined }] }), 'report models[0].report: is missing'],
])('refuses a report that %s', async (_, change, message) => {
  await expect(checkFolder(asJson(change()), folder)).rejects.toThrow(
    expect.objectContaining({ code: 'REPORT_INVALID', message: expect.stringContaining(message) }),
  );
});

it('refuses the report of one model', async () => {
  await expect(checkFolder(JSON.parse(JSON.stringify(report.models[1]?.report)), folder)).rejects.toThrow(/report of one model/);
});
