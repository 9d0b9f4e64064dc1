import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { compress } from '../../../src/compress.ts';
import { compressFolder } from '../../../src/compress-folder.ts';
import { openEngine } from '../../../src/engine/engine-node.ts';
import { onnx } from '../../../src/formats/onnx/onnx.ts';
import { openMemory } from '../../../src/io/memory-store.ts';
import { encoder, perceptron, putFiles } from '../../support/model-folders.ts';
import { inlineKernels } from '../../support/runtimes.ts';

/** Protobuf ends at 2 GB; for these tests it ends here, so that small models have their weights in a file beside. */
const LIMIT = 4000;

vi.mock('../../../src/formats/onnx/write.ts', async (original) => {
  const { writeOnnx, sizeOnnx, ...rest } = await original<typeof import('../../../src/formats/onnx/write.ts')>();
  const write: typeof writeOnnx = (model, store, name, options) => writeOnnx(model, store, name, { ...options, externalAbove: LIMIT });
  const size: typeof sizeOnnx = (model, options) => sizeOnnx(model, { ...options, externalAbove: LIMIT });
  return { ...rest, writeOnnx: write, sizeOnnx: size };
});

let root = '';
let [input, output] = ['', ''];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tersor-external-'));
  [input, output] = [join(root, 'in'), join(root, 'out')];
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A model's files, by the names that they go by in a folder. */
async function filesOf(model: Parameters<typeof onnx.write>[0], name: string): Promise<Record<string, Uint8Array>> {
  const store = openMemory();
  await onnx.write(model, store, name, { target: 'node', kernels: await inlineKernels });
  await store.commit();
  return Object.fromEntries(store.files);
}

const names = (folder: string) =>
  readdirSync(folder, { recursive: true })
    .map(String)
    .filter((name) => /\.\w+$/.test(name))
    .sort();
const configOf = (folder: string) => JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'));

async function embed(path: string): Promise<readonly number[]> {
  const engine = await openEngine();
  try {
    const session = await engine.open({ path });
    const { last_hidden_state } = await session.run({ input_ids: { dtype: 'i64', shape: [1, 3], data: BigInt64Array.of(5n, 17n, 101n) } });
    return Array.from(last_hidden_state?.data ?? [], Number);
  } finally {
    await engine.close();
  }
}

it('external data goes under the names of transformers.js, the model names it, and the config says how many there are', async () => {
  const [embedding, classifier] = [await filesOf(encoder(), 'model.onnx'), await filesOf(perceptron(), 'decoder.onnx')];
  expect(Object.keys(embedding).sort()).toEqual(['model.onnx', 'model.onnx_data']);
  putFiles(input, { 'config.json': '{"architectures":["BertModel"]}', ...embedding, ...classifier });
  const recipe = { version: 1, steps: [{ use: 'rtn', bits: 8 }] } as const;
  const report = await compressFolder(input, { output, target: 'transformers.js', recipe, skip: ['decoder'], verify: false });
  expect(names(output)).toEqual([
    'config.json',
    'onnx/decoder.onnx',
    'onnx/decoder.onnx_data',
    'onnx/model_quantized.onnx',
    'onnx/model_quantized.onnx_data',
  ]);
  expect(configOf(output)['transformers.js_config']).toEqual({
    dtype: { decoder: 'fp32', model: 'q8' },
    use_external_data_format: { 'decoder.onnx': 1, 'model_quantized.onnx': 1 },
  });
  expect(report.files.filter(({ name }) => name.includes('_data'))).toEqual([]);
  // what stays is the same bytes
  expect(readFileSync(join(output, 'onnx/decoder.onnx_data')).equals(readFileSync(join(input, 'decoder.onnx_data')))).toBe(true);
  // no file of the result is that of another name: it loads from where it lies, and embeds as the original does
  const [before, after] = [await embed(join(input, 'model.onnx')), await embed(join(output, 'onnx/model_quantized.onnx'))];
  expect(after).toHaveLength(3 * 64);
  expect(Math.max(...after.map((value, i) => Math.abs(value - (before[i] ?? 0))))).toBeLessThan(0.02);
});

it('a single model keeps its data beside it, under its own name', async () => {
  putFiles(root, await filesOf(encoder(), 'model.onnx'));
  const small = join(root, 'small.onnx');
  const report = await compress(join(root, 'model.onnx'), { output: small, recipe: { version: 1, steps: [{ use: 'rtn', bits: 8 }] } });
  expect(report).toMatchObject({ outcome: 'compressed', runtimes: [{ status: 'verified' }] });
  expect(names(root)).toEqual(['model.onnx', 'model.onnx_data', 'small.onnx', 'small.onnx_data']);
  const bytes = ['small.onnx', 'small.onnx_data'].reduce((sum, name) => sum + readFileSync(join(root, name)).length, 0);
  expect(report.output?.bytes).toBe(bytes);
});
