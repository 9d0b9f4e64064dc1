import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compress } from '../../src/compress.ts';
import { decode } from '../../src/core/decode.ts';
import { type ErrorCode, TersorError } from '../../src/core/error.ts';
import { mapWeights } from '../../src/core/model.ts';
import type { Store } from '../../src/core/source.ts';
import { safetensors } from '../../src/formats/safetensors/safetensors.ts';
import { inspect } from '../../src/inspect.ts';
import { openMemory } from '../../src/io/memory-store.ts';
import { openNodeStore } from '../../src/io/node-store.ts';
import { openKernels } from '../../src/kernels/open-kernels.ts';
import { int } from '../../src/numeric/int.ts';

const FOLDER = fileURLToPath(new URL('../fixtures/safetensors/', import.meta.url));
const INDEX = 'model.safetensors.index.json';
const stores: Store[] = [];
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
});

function folderStore(folder: string): Store {
  const store = openNodeStore(folder);
  stores.push(store);
  return store;
}

const encode = (text: string) => new TextEncoder().encode(text);

/** A file with a header and as many values. */
function fileOf(header: string, values = 0, stated?: bigint): Uint8Array {
  const text = encode(header);
  const bytes = new Uint8Array(8 + text.length + values);
  new DataView(bytes.buffer).setBigUint64(0, stated ?? BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

const open = (bytes: Uint8Array) => safetensors.open(openMemory({ 'm.safetensors': bytes }), 'm.safetensors');
const entry = (shape: string, begin: number | string, end: number | string, dtype = 'F32') =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":[${begin},${end}]}`;

async function rewritten(name: string, as = name): Promise<ReadonlyMap<string, Uint8Array>> {
  const model = await safetensors.open(folderStore(FOLDER), name);
  const store = openMemory();
  const kernels = await openKernels({ threads: 0 });
  const { bytes } = await safetensors.write(model, store, as, { target: 'node', kernels });
  await store.commit();
  await kernels.close();
  expect(bytes).toBe([...store.files.values()].reduce((sum, { length }) => sum + length, 0));
  return store.files;
}

describe('files of the reference implementation', () => {
  it('are read with every type, and written again byte for byte', async () => {
    const model = await safetensors.open(folderStore(FOLDER), 'everything.safetensors');
    expect(model.weights.size).toBe(21);
    expect(model.meta.properties.get('note')).toBe('ünïcode');
    expect(model.weights.get('na"me \\ é\n')).toMatchObject({ shape: [2], dtype: 'f16' });
    expect(model.weights.get('halfbytes')).toMatchObject({ shape: [3, 4], dtype: 'f4e2m1' });
    expect(await model.weights.get('empty')?.load()).toMatchObject({ bytes: new Uint8Array() });
    const files = await rewritten('everything.safetensors');
    expect(files.get('everything.safetensors')).toEqual(new Uint8Array(await readFile(join(FOLDER, 'everything.safetensors'))));
  });

  it('in several files become as many, whose index names them', async () => {
    const files = await rewritten(INDEX);
    for (const [name, bytes] of files) expect(bytes, name).toEqual(new Uint8Array(await readFile(join(FOLDER, name))));
    const renamed = await rewritten(INDEX, 'small.safetensors.index.json');
    expect([...renamed.keys()]).toEqual([
      'small-00001-of-00002.safetensors',
      'small-00002-of-00002.safetensors',
      'small.safetensors.index.json',
    ]);
    expect(JSON.parse(new TextDecoder().decode(renamed.get('small.safetensors.index.json'))).weight_map['layer.bias']).toBe(
      'small-00002-of-00002.safetensors',
    );
  });

  it('in several files become one where the name says so', async () => {
    const files = await rewritten(INDEX, 'one.safetensors');
    expect([...files.keys()]).toEqual(['one.safetensors']);
    const one = await open(files.get('one.safetensors') ?? new Uint8Array());
    const [table, bias] = await Promise.all(['embed.weight', 'layer.bias'].map((id) => one.weights.get(id)?.load()));
    expect(table && decode(table)[16]).toBe(bias && decode(bias)[1]);
  });
});

describe('what is written anew', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tersor-safetensors-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('has every value at a multiple of its size', async () => {
    const output = join(folder, 'half.safetensors');
    const recipe = { version: 1 as const, steps: [{ use: 'fp16', where: [{ name: 'layer.weight' }], compute: 'float' }] };
    const report = await compress(join(FOLDER, INDEX), { output, recipe });
    expect(report.outcome).toBe('compressed');
    const model = await safetensors.open(folderStore(folder), 'half.safetensors');
    expect(model.weights.get('layer.weight')?.dtype).toBe('f16');
    expect(model.weights.get('layer.bias')?.dtype).toBe('f32');
    expect((await inspect(output)).bytes).toBe((await readFile(output)).length);
  });

  it('is refused where the format has no place for it', async () => {
    const model = await safetensors.open(folderStore(FOLDER), INDEX);
    const scale = { kind: 'dense', dtype: 'f16' } as const;
    const changed = mapWeights(model, (weight) => ({
      ...weight,
      layout: { kind: 'affine', numeric: int(4), outputs: [0], block: 32, scale },
    }));
    await expect(safetensors.size(changed, 'node')).rejects.toMatchObject({ code: 'LAYOUT', where: 'embed.weight' });
  });

  it('keeps the metadata of every file, and what is new in the first', async () => {
    const output = join(folder, INDEX);
    const recipe = { version: 1 as const, steps: [{ use: 'fp16', type: 'bf16' }] };
    const report = await compress(join(FOLDER, INDEX), { output, recipe });
    expect(report.promises.map(({ name }) => name)).toEqual(['smaller']);
    const parts = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
    const found = await Promise.all(parts.map(async (name) => (await safetensors.open(folderStore(folder), name)).meta.properties));
    expect(found.map((properties) => properties.get('format'))).toEqual(['pt', 'pt']);
    expect(found.map(({ size }) => size)).toEqual([2, 1]);
  });

  it('is not chosen by running, which takes a graph', async () => {
    await expect(compress(join(FOLDER, INDEX), { output: join(folder, 'x.safetensors') })).rejects.toMatchObject({
      code: 'MODEL_INVALID',
      hint: expect.stringContaining('tersor fp16'),
    });
  });
});

describe('damaged and hostile files end in an error that says what is wrong', () => {
  const refuses = (name: string, bytes: () => Uint8Array, code: ErrorCode, words: RegExp) =>
    it(name, async () => {
      const error = await open(bytes()).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(TersorError);
      expect(error).toMatchObject({ code, where: expect.stringContaining('m.safetensors'), message: expect.stringMatching(words) });
    });

  refuses('nothing', () => new Uint8Array(), 'FILE_CORRUPT', /0 bytes/);
  refuses('a header longer than the file', () => fileOf('{}', 0, 3n), 'FILE_CORRUPT', /takes 3 bytes/);
  refuses('a header longer than any', () => fileOf('{}', 0, 2n ** 63n), 'FILE_LIMIT', /takes 922337203685477/);
  refuses('a header that is no text', () => fileOf('{}').map((byte, i) => (i > 8 ? 0xff : byte)), 'FILE_CORRUPT', /no text/);
  refuses('a header that is no object', () => fileOf('[1]'), 'FILE_CORRUPT', /"\{" is expected at character 0/);
  refuses('a header that ends early', () => fileOf('{"a":'), 'FILE_CORRUPT', /it ends/);
  refuses('more behind the header', () => fileOf('{} {}'), 'FILE_CORRUPT', /nothing more/);
  refuses('deep JSON', () => fileOf(`{"a":${'['.repeat(1e6)}`), 'FILE_CORRUPT', /"\{" is expected/);
  refuses(
    'a name that comes twice',
    () => fileOf(`{"a":${entry('[1]', 0, 4)},"a":${entry('[1]', 4, 8)}}`, 8),
    'FILE_CORRUPT',
    /"a" comes twice/,
  );
  refuses('a field that comes twice', () => fileOf('{"a":{"dtype":"F32","dtype":"F64"}}'), 'FILE_CORRUPT', /"dtype" comes twice/);
  refuses('values that overlap', () => fileOf(`{"a":${entry('[2]', 0, 8)},"b":${entry('[2]', 4, 12)}}`, 12), 'FILE_CORRUPT', /overlaps/);
  refuses('a gap', () => fileOf(`{"a":${entry('[1]', 0, 4)},"b":${entry('[1]', 8, 12)}}`, 12), 'FILE_CORRUPT', /gap/);
  refuses('values beyond the file', () => fileOf(`{"a":${entry('[2]', 0, 8)}}`, 4), 'FILE_CORRUPT', /take 8 bytes, and 4 follow/);
  refuses('values that nobody names', () => fileOf(`{"a":${entry('[1]', 0, 4)}}`, 5), 'FILE_CORRUPT', /take 4 bytes, and 5 follow/);
  refuses('more elements than bytes', () => fileOf(`{"a":${entry('[3]', 0, 8)}}`, 8), 'FILE_CORRUPT', /takes 12 bytes/);
  refuses(
    'a product that wraps',
    () => fileOf(`{"a":${entry('[4294967296,4294967296,4294967296]', 0, 0)}}`),
    'FILE_CORRUPT',
    /takes 3\.16/,
  );
  refuses(
    'a product that is not finite',
    () => fileOf(`{"a":${entry(`[${'9007199254740991,'.repeat(40)}0]`, 0, 0)}}`),
    'FILE_CORRUPT',
    /NaN/,
  );
  refuses('an end before the beginning', () => fileOf(`{"a":${entry('[1]', 8, 4)}}`, 8), 'FILE_CORRUPT', /from 8 to 4/);
  refuses(
    'an offset beyond 2^53',
    () => fileOf(`{"a":${entry('[1]', '9007199254740993', '9007199254740997')}}`),
    'FILE_CORRUPT',
    /a count/,
  );
  refuses('a negative length', () => fileOf(`{"a":${entry('[-1]', 0, 4)}}`, 4), 'FILE_CORRUPT', /a count/);
  refuses('more axes than any tensor has', () => fileOf(`{"a":${entry(`[${'1,'.repeat(99)}1]`, 0, 4)}}`, 4), 'FILE_LIMIT', /more than 64/);
  refuses('a type of a later version', () => fileOf(`{"a":${entry('[1]', 0, 1, 'F6_E2M3')}}`, 1), 'FILE_UNSUPPORTED', /F6_E2M3.*\n.*BF16/);
  refuses('metadata that is no text', () => fileOf('{"__metadata__":{"a":1}}'), 'FILE_CORRUPT', /a string is expected/);
  refuses('a string that never ends', () => fileOf(`{"${'a'.repeat(1e6)}`), 'FILE_CORRUPT', /a string that ends/);
  refuses('an escape that is none', () => fileOf('{"\\x":{}}'), 'FILE_CORRUPT', /a valid string/);

  it('a header of blanks is read in no time', async () => {
    const start = process.cpuUsage().user;
    await expect(open(fileOf(' '.repeat(2e7)))).rejects.toMatchObject({ code: 'FILE_CORRUPT' });
    expect(process.cpuUsage().user - start).toBeLessThan(2e6);
  });
});

describe('an index', () => {
  const openIndex = (index: string, files: Record<string, Uint8Array> = {}) =>
    safetensors.open(openMemory({ [INDEX]: encode(index), ...files }), INDEX);
  const one = fileOf(`{"a":${entry('[1]', 0, 4)}}`, 4);

  it.each([
    ['names no tensors', '{"weight_map":{}}', /names no tensors/],
    ['names a file that leads out', '{"weight_map":{"a":"../a.safetensors"}}', /is not in memory/],
    ['names a file of something else', '{"weight_map":{"a":"config.json"}}', /as a file of tensors/],
    ['says that a tensor is where it is not', '{"weight_map":{"a":"a.safetensors","b":"a.safetensors"}}', /holds "b": it does not/],
    ['says that a tensor is elsewhere', '{"weight_map":{"a":"b.safetensors","c":"a.safetensors"}}', /another file/],
    ['is too deep', `{"metadata":${'['.repeat(100)}`, /nests more than 16/],
  ])('that %s is refused', async (_, index, words) => {
    await expect(openIndex(index, { 'a.safetensors': one, 'b.safetensors': one })).rejects.toThrow(words);
  });

  it('passes over what its metadata says', async () => {
    const index = '{"metadata":{"total_size":1e3,"list":[1,-2.5,true,null,{"a":"b"}]},"weight_map":{"a":"a.safetensors"}}';
    expect((await openIndex(index, { 'a.safetensors': one })).weights.size).toBe(1);
  });

  it('does not lead out of its folder on disk', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tersor-index-'));
    const store = openNodeStore(folder);
    try {
      const sink = await store.create(INDEX);
      await sink.write(encode('{"weight_map":{"a":"../a.safetensors"}}'));
      await store.commit();
      await expect(safetensors.open(store, INDEX)).rejects.toThrow(/not inside the model's folder/);
    } finally {
      await store.close();
      await rm(folder, { recursive: true, force: true });
    }
  });
});
