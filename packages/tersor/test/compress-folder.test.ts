import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compressFolder, planFolder } from '../src/compress-folder.ts';
import type { Feeds } from '../src/core/engine.ts';
import type { Progress } from '../src/core/progress.ts';
import { inspectFolder } from '../src/inspect-folder.ts';
import { encoder, huggingFaceFolder, perceptron, putFiles } from './support/model-folders.ts';
import { written } from './support/runtimes.ts';

const INT8 = { version: 1, steps: [{ use: 'rtn', bits: 8 }] } as const;
/** These models run for microseconds: the ratio of their times is noise. */
const ANY_LATENCY = { latency: 1000 };

let root = '';
let input = '';
let output = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tersor-folder-'));
  [input, output] = [join(root, 'in'), join(root, 'out')];
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const filesOf = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replaceAll('\\', '/'),
    )
    .sort();

async function twoModels(): Promise<void> {
  putFiles(input, {
    'enc.onnx': await written(perceptron()),
    'parts/dec.onnx': await written(perceptron(24)),
    'config.ini': 'fft=960',
    'keys.txt': 'a\nb',
  });
}

describe('a folder of models', () => {
  it('is compressed as a whole, every model on its own, with what lies beside', async () => {
    await twoModels();
    const seen: Progress[] = [];
    const report = await compressFolder(input, { output, budget: ANY_LATENCY, onProgress: (progress) => seen.push(progress) });
    expect(report).toMatchObject({ outcome: 'compressed', target: 'node', output: { path: output, bytes: report.resultBytes } });
    expect(filesOf(output)).toEqual(['config.ini', 'enc.onnx', 'keys.txt', 'parts/dec.onnx']);
    expect(readFileSync(join(output, 'config.ini'), 'utf8')).toBe('fft=960');
    const sizes = ['enc.onnx', 'parts/dec.onnx'].map((name) => readFileSync(join(output, name)).length);
    expect(report.models.map(({ resultBytes }) => resultBytes)).toEqual(sizes);
    expect(report.resultBytes).toBe(sizes[0]! + sizes[1]!);
    expect(report.resultBytes).toBeLessThan(0.4 * report.input.bytes);
    expect(report.models.map(({ report }) => report?.output?.path)).toEqual([`${output}/enc.onnx`, `${output}/parts/dec.onnx`]);
    expect(report.promises.map(({ name }) => name)).toEqual(['loads', 'smaller', 'drop', 'latency']);
    expect(report.models[0]?.report?.quality?.evidence).toBe('synthetic');
    expect(seen.at(-1)?.model).toEqual({ name: 'parts/dec.onnx', number: 2, count: 2 });
    expect(readdirSync(root).sort()).toEqual(['in', 'out']);
  });

  it('is planned without writing anything', async () => {
    await twoModels();
    const report = await planFolder(input, { output, recipe: INT8 });
    const done = await compressFolder(input, { output, recipe: INT8 });
    expect(report.outcome).toBe('planned');
    expect(report.models.map(({ resultBytes }) => resultBytes)).toEqual(done.models.map(({ resultBytes }) => resultBytes));
  });

  it('keeps a model as it was when that is asked, or when there is nothing to gain', async () => {
    await twoModels();
    const report = await compressFolder(input, { output, recipe: INT8, skip: ['parts/*'] });
    expect(report.models.map(({ stays }) => stays)).toEqual([undefined, 'as it was asked']);
    expect(readFileSync(join(output, 'parts/dec.onnx')).equals(readFileSync(join(input, 'parts/dec.onnx')))).toBe(true);
    await expect(compressFolder(input, { output, recipe: INT8, skip: ['enk'] })).rejects.toMatchObject({ code: 'RULE_UNMATCHED' });
    const again = await compressFolder(output, { output: join(root, 'again'), budget: ANY_LATENCY, skip: ['parts/*'] });
    expect(again).toMatchObject({ outcome: 'nothing-to-gain', models: [{ stays: 'nothing to gain' }, {}] });
    expect(existsSync(join(root, 'again'))).toBe(false);
  });

  it('shares a size by what each model loses, and refuses one that nothing reaches', async () => {
    await twoModels();
    const size = 22_000;
    const report = await compressFolder(input, { output, budget: { size, ...ANY_LATENCY } });
    expect(report.resultBytes).toBeLessThanOrEqual(size);
    expect(report.resultBytes).toBeGreaterThan(0.8 * size);
    expect(report.promises.find(({ name }) => name === 'size')).toMatchObject({ status: 'kept', promised: '<= 22.0 kB' });
    const small = { output: join(root, 'small'), budget: { size: 500 } };
    await expect(compressFolder(input, small)).rejects.toMatchObject({ code: 'PROMISE_MISSED' });
    expect(readdirSync(root).sort()).toEqual(['in', 'out']);
  });

  it('misses as a whole when one model misses what its original would, too, and leaves nothing unless told to', async () => {
    await twoModels();
    const asked = { output, recipe: INT8, budget: { memory: 1e6, ...ANY_LATENCY } };
    expect(await compressFolder(input, asked)).toMatchObject({ outcome: 'missed' });
    expect(existsSync(output)).toBe(false);
    const kept = await compressFolder(input, { ...asked, keep: true });
    expect(kept).toMatchObject({ outcome: 'missed', output: { path: output } });
    expect(filesOf(output)).toHaveLength(4);
  });
});

describe('data of a folder', () => {
  const feeds = (width: number): Feeds[] =>
    Array.from({ length: 12 }, (_, i) => ({
      x: { dtype: 'f32', shape: [2, width], data: Float32Array.from({ length: 2 * width }, (_, k) => Math.sin(i * 31 + k)) },
    }));
  const module = (width: number) =>
    `export default Array.from({ length: 12 }, (_, i) => ({ x: { dtype: 'f32', shape: [2, ${width}], data: Float32Array.from({ length: ${2 * width} }, (_, k) => Math.sin(i * 31 + k)) } }));`;

  it('is given by model: in code by name, on disk by files called like the models', async () => {
    await twoModels();
    const byName = await compressFolder(input, { output, recipe: INT8, data: { dec: feeds(24) } });
    expect(byName.models.map(({ report }) => report?.quality?.evidence)).toEqual(['synthetic', 'data']);
    putFiles(root, { 'data/enc.mjs': module(32), 'data/labels.json': '{}' });
    const onDisk = await compressFolder(input, { output, recipe: INT8, data: join(root, 'data'), force: true });
    expect(onDisk.models.map(({ report }) => report?.quality?.evidence)).toEqual(['data', 'synthetic']);
  });

  it('that is called like no model is a mistake', async () => {
    await twoModels();
    const wrong = compressFolder(input, { output, recipe: INT8, data: { dek: feeds(24) } });
    await expect(wrong).rejects.toMatchObject({ code: 'DATA_INVALID', hint: 'did you mean "dec"?' });
    putFiles(root, { 'data/enc.mjs': module(32), 'data/dek.mjs': module(24) });
    await expect(compressFolder(input, { output, data: join(root, 'data') })).rejects.toMatchObject({ code: 'DATA_INVALID' });
  });

  it('for all is used where it fits, and what it does not fit is said', async () => {
    await twoModels();
    putFiles(root, { 'samples.mjs': module(24) });
    const { models } = await compressFolder(input, { output, recipe: INT8, data: join(root, 'samples.mjs') });
    expect(models.map(({ report }) => report?.quality?.evidence)).toEqual(['synthetic', 'data']);
    expect(models[0]?.report?.skipped[0]).toMatchObject({ about: 'data', message: expect.stringContaining('made-up inputs instead') });
    putFiles(root, { 'wrong.mjs': module(7) });
    const wrong = compressFolder(input, { output, recipe: INT8, data: join(root, 'wrong.mjs'), force: true });
    await expect(wrong).rejects.toMatchObject({ code: 'DATA_INVALID' });
  });
});

describe('a folder for transformers.js', () => {
  it('gets the names that dtypes mean, and a config that says so', async () => {
    await huggingFaceFolder(input, {
      'transformers.js_config': { dtype: 'fp16', kv_cache_dtype: { q4f16: 'float16' }, use_external_data_format: true },
    });
    const report = await compressFolder(input, { output, target: 'transformers.js', recipe: INT8 });
    expect(filesOf(output)).toEqual(['config.json', 'onnx/model_quantized.onnx', 'tokenizer.json']);
    expect(report.models).toMatchObject([
      {
        name: 'onnx/model.onnx',
        output: 'onnx/model_quantized.onnx',
        dtype: 'q8',
        variants: ['onnx/model_quantized.onnx'],
        report: { target: 'wasm' },
      },
    ]);
    expect(report.loaders).toEqual([{ folder: '', task: 'feature-extraction', dtype: 'q8' }]);
    expect(JSON.parse(readFileSync(join(output, 'config.json'), 'utf8'))).toEqual({
      architectures: ['BertModel'],
      model_type: 'bert',
      'transformers.js_config': { dtype: 'q8', kv_cache_dtype: { q4f16: 'float16' } },
    });
    expect(report.files.map(({ name, status }) => [name, status])).toEqual([
      ['config.json', 'changed'],
      ['model.safetensors', 'left-out'],
      ['onnx/model_quantized.onnx', 'left-out'],
      ['tokenizer.json', 'carried'],
      ['.git/', 'left-out'],
      ['.gitattributes', 'left-out'],
      ['node_modules/', 'left-out'],
    ]);
  });

  it('names by what the weights are, or by what is asked, and replaces an earlier result', async () => {
    await huggingFaceFolder(input);
    const INT4 = { version: 1, steps: [{ use: 'rtn', bits: 4, block: 16 }] } as const;
    const four = await compressFolder(input, { output, target: 'transformers.js', recipe: INT4, verify: false });
    expect(four.models[0]).toMatchObject({ output: 'onnx/model_q4.onnx', dtype: 'q4' });
    const asked = await compressFolder(input, {
      output,
      target: 'transformers.js',
      recipe: INT4,
      dtype: 'bnb4',
      verify: false,
      force: true,
    });
    expect(asked.models[0]?.output).toBe('onnx/model_bnb4.onnx');
    expect(filesOf(output)).toEqual(['config.json', 'onnx/model_bnb4.onnx', 'tokenizer.json']);
    await expect(compressFolder(input, { output: join(root, 'x'), dtype: 'q8' })).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('moves models into onnx/, leaves out what is never loaded, and has a dtype for each file', async () => {
    putFiles(input, {
      'config.json': '{"architectures":["WhisperForConditionalGeneration"]}',
      'encoder_model.onnx': await written(encoder()),
      'decoder_model.onnx': await written(perceptron()),
      'decoder_model_merged.onnx': await written(perceptron()),
    });
    const report = await compressFolder(input, { output, target: 'transformers.js', recipe: INT8, skip: ['encoder_model'], verify: false });
    expect(filesOf(output)).toEqual(['config.json', 'onnx/decoder_model_merged_quantized.onnx', 'onnx/encoder_model.onnx']);
    const dtype = { decoder_model_merged: 'q8', encoder_model: 'fp32' };
    expect(report.loaders).toEqual([{ folder: '', task: 'automatic-speech-recognition', dtype }]);
    expect(report.files.find(({ name }) => name === 'decoder_model.onnx')).toMatchObject({ status: 'left-out' });
  });

  it('needs a config.json', async () => {
    await twoModels();
    await expect(compressFolder(input, { output, target: 'transformers.js' })).rejects.toMatchObject({ code: 'FILE_MISSING' });
  });
});

describe('what cannot be a folder of models', () => {
  it('is empty, or holds none', async () => {
    mkdirSync(input);
    await expect(compressFolder(input, { output })).rejects.toMatchObject({ code: 'FILE_MISSING', what: 'holds no models' });
    putFiles(input, { 'readme.md': '#', 'model.safetensors': 'x' });
    await expect(inspectFolder(input)).rejects.toMatchObject({ code: 'FILE_MISSING' });
    await expect(inspectFolder(join(root, 'nowhere'))).rejects.toMatchObject({ code: 'FILE_MISSING' });
  });

  it('names the model that is broken, before anything is done', async () => {
    await twoModels();
    putFiles(input, { 'parts/broken.onnx': 'version https://git-lfs.github.com/spec/v1' });
    await expect(compressFolder(input, { output })).rejects.toMatchObject({ code: 'FILE_UNSUPPORTED', where: 'parts/broken.onnx' });
    expect(readdirSync(root)).toEqual(['in']);
  });

  it.skipIf(process.platform !== 'linux').each(['KEYS.txt', 'Enc.onnx'])('has names that capitals alone tell apart: %s', async (name) => {
    await twoModels();
    putFiles(input, { [name]: name.endsWith('.onnx') ? await written(perceptron()) : 'other' });
    const work = compressFolder(input, { output, recipe: INT8, verify: false });
    await expect(work).rejects.toMatchObject({ code: 'FILE_EXISTS', what: expect.stringContaining('by capitals alone') });
    expect(readdirSync(root)).toEqual(['in']);
  });

  it('has links that lead out; those that stay inside are files', async () => {
    await twoModels();
    symlinkSync('keys.txt', join(input, 'same.txt'));
    await compressFolder(input, { output, recipe: INT8, verify: false });
    expect(readFileSync(join(output, 'same.txt'), 'utf8')).toBe('a\nb');
    writeFileSync(join(root, 'secret'), 'key');
    symlinkSync(join(root, 'secret'), join(input, 'notes.txt'));
    const leading = compressFolder(input, { output, recipe: INT8, force: true });
    await expect(leading).rejects.toMatchObject({ code: 'FILE_CORRUPT', where: 'notes.txt' });
  });
});

describe('the output', () => {
  it('is never the input, in it or around it', async () => {
    await twoModels();
    for (const place of [input, join(input, 'out'), root, join(input, '../in/out')]) {
      await expect(compressFolder(input, { output: place, force: true })).rejects.toMatchObject({ code: 'USAGE' });
    }
    expect(filesOf(input)).toHaveLength(4);
  });

  it('is not replaced unless asked, and never where something else would be lost', async () => {
    await twoModels();
    const asked = { output, recipe: INT8, verify: false };
    await compressFolder(input, asked);
    await expect(compressFolder(input, asked)).rejects.toMatchObject({ code: 'FILE_EXISTS' });
    await compressFolder(input, { ...asked, force: true });
    writeFileSync(join(output, 'thesis.txt'), 'years of work');
    await expect(compressFolder(input, { ...asked, force: true })).rejects.toMatchObject({
      code: 'FILE_EXISTS',
      what: expect.stringContaining('thesis.txt'),
    });
    expect(readFileSync(join(output, 'thesis.txt'), 'utf8')).toBe('years of work');
    writeFileSync(join(root, 'file'), '');
    await expect(compressFolder(input, { ...asked, output: join(root, 'file'), force: true })).rejects.toMatchObject({
      code: 'FILE_WRITE',
    });
    await expect(compressFolder(input, { ...asked, output: join(root, 'no/where') })).rejects.toMatchObject({ code: 'FILE_WRITE' });
  });

  it('is not there when the work is stopped', async () => {
    await twoModels();
    const controller = new AbortController();
    const stop = ({ phase, model }: Progress) => model?.number === 2 && phase === 'write' && controller.abort();
    const work = compressFolder(input, { output, recipe: INT8, signal: controller.signal, onProgress: stop });
    await expect(work).rejects.toMatchObject({ code: 'INTERRUPTED' });
    expect(readdirSync(root)).toEqual(['in']);
  });
});
