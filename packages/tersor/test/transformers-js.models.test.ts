import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRangeServer } from '../../../tools/range-server.ts';
import { root, runNode, runNpm } from '../../../tools/run.ts';
import { compress } from '../src/compress.ts';
import { compressFolder } from '../src/compress-folder.ts';
import { pack } from '../src/pack.ts';

const MINILM = join(root, '.cache/fixtures/minilm');
const TRANSFORMERS = '@huggingface/transformers@4.3.2';
const INSTALLED = join(root, '.cache/transformers-js');

const SCRIPT = `
import { env, pipeline } from '@huggingface/transformers';
env.allowRemoteModels = false;
const texts = ['The cat sits on the mat.', 'A feline rests on a rug.', 'Stocks fell sharply on Monday.', 'Wie spät ist es?'];
const embed = async (folder, options) => {
  const extract = await pipeline('feature-extraction', folder, options);
  return (await extract(texts, { pooling: 'mean', normalize: true })).tolist();
};
const [original, result, dtype] = process.argv.slice(2);
const before = await embed(original, { dtype: 'fp32' });
const cosines = (after) => after.map((row, i) => row.reduce((sum, value, k) => sum + value * before[i][k], 0));
console.log(JSON.stringify({ named: cosines(await embed(result, { dtype })), byDefault: cosines(await embed(result, {})) }));
`;

/** The same over HTTP, where only what is packed lies. */
const FETCH_SCRIPT = `
import { env, pipeline } from '@huggingface/transformers';
const [loader, host, cache] = process.argv.slice(2);
const { modelFetch } = await import(loader);
Object.assign(env, { allowLocalModels: false, remoteHost: host, cacheDir: cache, fetch: modelFetch() });
const extract = await pipeline('feature-extraction', 'you/minilm', { dtype: 'fp32' });
const [a, b, c] = (await extract(['The cat sits on the mat.', 'A feline rests on a rug.', 'Stocks fell sharply on Monday.'], { pooling: 'mean', normalize: true })).tolist();
const cosine = (x, y) => x.reduce((sum, value, i) => sum + value * y[i], 0);
console.log(JSON.stringify({ near: cosine(a, b), far: cosine(a, c) }));
`;

/** What the real library makes of a result, from files alone. Needs the fixtures, and npm once. */
describe.skipIf(!existsSync(MINILM))('transformers.js', () => {
  let folder = '';
  beforeAll(async () => {
    if (!existsSync(join(INSTALLED, 'node_modules/@huggingface/transformers'))) {
      mkdirSync(INSTALLED, { recursive: true });
      writeFileSync(join(INSTALLED, 'package.json'), '{ "private": true, "type": "module" }\n');
      const env = { ONNXRUNTIME_NODE_INSTALL: 'skip' };
      expect(await runNpm(['install', '--no-audit', '--no-fund', TRANSFORMERS], { cwd: INSTALLED, env })).toMatchObject({ status: 0 });
    }
    writeFileSync(join(INSTALLED, 'embed.mjs'), SCRIPT);
    folder = mkdtempSync(join(tmpdir(), 'tersor-transformers-'));
    mkdirSync(join(folder, 'minilm/onnx'), { recursive: true });
    for (const name of readdirSync(MINILM).filter((name) => name.endsWith('.json')))
      copyFileSync(join(MINILM, name), join(folder, 'minilm', name));
    copyFileSync(join(MINILM, 'model.onnx'), join(folder, 'minilm/onnx/model.onnx'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each([
    ['q8', [{ use: 'rtn', bits: 8 }], 0.999, 0.27],
    ['q4', [{ use: 'rtn', bits: 4, block: 32 }], 0.95, 0.19], // plain rounding of every weight costs that much
    ['fp16', [{ use: 'fp16' }], 0.9999, 0.51],
  ] as const)('loads %s by its name and by default, and embeds as the original does', async (dtype, steps, least, share) => {
    const output = join(folder, `minilm.${dtype}`);
    const report = await compressFolder(join(folder, 'minilm'), {
      output,
      target: 'transformers.js',
      recipe: { version: 1, steps },
      verify: false,
    });
    expect(report.loaders).toEqual([{ folder: '', task: 'feature-extraction', dtype }]);
    expect(report.resultBytes).toBeLessThan(share * report.input.bytes);
    const { status, output: printed } = await runNode('embed.mjs', [join(folder, 'minilm'), output, dtype], { cwd: INSTALLED });
    expect({ status, printed }).toMatchObject({ status: 0 });
    const { named, byDefault } = JSON.parse(printed.slice(printed.lastIndexOf('{"named"')));
    expect(Math.min(...named)).toBeGreaterThan(least);
    expect(byDefault).toEqual(named);
  });

  it('takes what is packed through the fetch of the loader', async () => {
    const host = join(folder, 'host/you/minilm/resolve/main');
    mkdirSync(join(host, 'onnx'), { recursive: true });
    for (const name of readdirSync(MINILM).filter((name) => name.endsWith('.json'))) copyFileSync(join(MINILM, name), join(host, name));
    const small = join(folder, 'small.onnx');
    await compress(join(MINILM, 'model.onnx'), { output: small, recipe: { version: 1, steps: [{ use: 'rtn', bits: 8 }] }, verify: false });
    await pack(small, { out: join(host, 'onnx/model.onnx.tsr') });
    const server = await openRangeServer({ folders: [join(folder, 'host')] });
    writeFileSync(join(INSTALLED, 'fetch.mjs'), FETCH_SCRIPT);
    const loader = join(root, 'packages/loader/dist/index.js');
    const { status, output } = await runNode('fetch.mjs', [loader, server.url, join(folder, 'cache')], { cwd: INSTALLED });
    await server.close();
    expect({ status, output }).toMatchObject({ status: 0 });
    expect(server.asked.map(({ path }) => path)).toContain('/you/minilm/resolve/main/onnx/model.onnx.tsr');
    const { near, far } = JSON.parse(output.slice(output.lastIndexOf('{"near"')));
    expect(near).toBeGreaterThan(0.5);
    expect(far).toBeLessThan(0.1);
  });
});
