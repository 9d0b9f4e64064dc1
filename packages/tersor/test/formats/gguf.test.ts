import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compare } from '../../src/compare.ts';
import { compress, plan } from '../../src/compress.ts';
import { BLOCK_TYPES } from '../../src/core/blocks/block-types.ts';
import { type ErrorCode, TersorError } from '../../src/core/error.ts';
import { type Model, mapWeights, type Weight } from '../../src/core/model.ts';
import type { Store } from '../../src/core/source.ts';
import { gguf } from '../../src/formats/gguf/gguf.ts';
import { inspect } from '../../src/inspect.ts';
import { openMemory } from '../../src/io/memory-store.ts';
import { openNodeStore } from '../../src/io/node-store.ts';
import { openKernels } from '../../src/kernels/open-kernels.ts';
import { type GgufFile, ggufBytes, tensor, u32, u64, words } from '../support/gguf-bytes.ts';

const FOLDER = fileURLToPath(new URL('../fixtures/gguf/', import.meta.url));
const FIRST = 'model-00001-of-00003.gguf';
const PARTS = [FIRST, 'model-00002-of-00003.gguf', 'model-00003-of-00003.gguf'];
const stores: Store[] = [];
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
});

function folderStore(folder: string): Store {
  const store = openNodeStore(folder);
  stores.push(store);
  return store;
}

const read = async (name: string) => new Uint8Array(await readFile(join(FOLDER, name)));

async function written(model: Model, as: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const store = openMemory();
  const kernels = await openKernels({ threads: 0 });
  const { bytes } = await gguf.write(model, store, as, { target: 'node', kernels });
  await store.commit();
  await kernels.close();
  expect(bytes).toBe([...store.files.values()].reduce((sum, { length }) => sum + length, 0));
  return store.files;
}

describe('files of the reference implementation', () => {
  it('are read with every type, and written again byte for byte', async () => {
    const model = await gguf.open(folderStore(FOLDER), 'everything.gguf');
    expect(model.weights.size).toBe(9 + Object.keys(BLOCK_TYPES).length);
    expect(model.weights.get('Q4_K.weight')).toMatchObject({ shape: [2, 256], dtype: 'f32', layout: { kind: 'blocks', type: 'Q4_K' } });
    expect(model.weights.get('bfloat16.weight')).toMatchObject({ shape: [3, 4], dtype: 'bf16' });
    expect(model.weights.get('four.axes')?.shape).toEqual([2, 1, 3, 32]);
    expect((await written(model, 'm.gguf')).get('m.gguf')).toEqual(await read('everything.gguf'));
    expect(await gguf.size(model, 'node')).toMatchObject({ bytes: (await read('everything.gguf')).length });
  });

  it('show their metadata, of every type', async () => {
    const { metadata, producer, weights } = await inspect(join(FOLDER, 'everything.gguf'));
    expect(producer).toBe('llama');
    expect(weights.find(({ id }) => id === 'IQ1_M.weight')).toMatchObject({ layout: 'IQ1_M', bytes: 112, kind: 'linear' });
    expect(metadata).toEqual({
      'general.architecture': 'llama',
      'general.alignment': '64',
      'test.uint8': '255',
      'test.int8': '-128',
      'test.uint16': '65535',
      'test.int16': '-32768',
      'test.uint32': '4294967295',
      'test.int32': '-2147483648',
      'test.float32': '0.00001',
      'test.uint64': '18446744073709551615',
      'test.int64': '-9223372036854775808',
      'test.float64': '0.1',
      'test.bool': 'true',
      'test.string': 'ünïcode\n{{ chat }}',
      'test.few': '[3, 4, 5]',
      'test.many': '100 × i32',
      'test.texts': '3 × string',
      'test.nested': '2 × array',
    });
  });

  it('in parts are one model, whichever part is named, and are written as parts or as one', async () => {
    for (const name of PARTS) expect((await gguf.open(folderStore(FOLDER), name)).weights.size).toBe(5);
    const model = await gguf.open(folderStore(FOLDER), FIRST);
    expect(model.meta.properties).toEqual(
      new Map([
        ['general.architecture', 'llama'],
        ['general.name', 'split'],
      ]),
    );
    const parts = await written(model, FIRST);
    expect([...parts.keys()].at(-1)).toBe(FIRST);
    for (const name of PARTS) expect(parts.get(name), name).toEqual(await read(name));
    const renamed = await written(model, 'small-00001-of-00003.gguf');
    expect([...renamed.keys()].sort()).toEqual(PARTS.map((name) => name.replace('model', 'small')));
    const one = await written(model, 'one.gguf');
    expect([...one.keys()]).toEqual(['one.gguf']);
    const again = await gguf.open(openMemory(Object.fromEntries(one)), 'one.gguf');
    expect([...again.weights.keys()]).toEqual([...model.weights.keys()]);
    expect(await again.weights.get('blk.3.weight')?.load()).toEqual(await model.weights.get('blk.3.weight')?.load());
    for (const [name, files] of [['a-00001-of-00003.gguf', parts] as const, ['one.gguf', one] as const]) {
      const { bytes } = await gguf.size(model, 'node', name);
      expect(bytes).toBe([...files.values()].reduce((sum, { length }) => sum + length, 0));
    }
    await expect(gguf.size(model, 'node', 'm-00001-of-00002.gguf')).rejects.toMatchObject({ code: 'USAGE' });
    await expect(written(model, 'm-00001-of-00002.gguf')).rejects.toMatchObject({ code: 'USAGE' });
    await expect(written(model, 'm-00002-of-00003.gguf')).rejects.toMatchObject({ code: 'USAGE' });
  });
});

describe('what is written anew', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tersor-gguf-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('keeps the metadata in its types, and compares with what it was', async () => {
    const [input, output] = [join(FOLDER, FIRST), join(folder, 'half.gguf')];
    const recipe = { version: 1 as const, steps: [{ use: 'fp16', compute: 'float' }] };
    expect((await compress(input, { output, recipe })).outcome).toBe('compressed');
    const { metadata, weights, bytes, recipe: inside } = await inspect(output);
    expect(metadata).toMatchObject({ 'general.name': 'split' });
    expect(inside?.steps).toMatchObject([{ use: 'fp16' }]);
    expect(new Set(weights.map(({ layout }) => layout))).toEqual(new Set(['f16']));
    expect(bytes).toBe((await readFile(output)).length);
    const { quality, weights: compared } = await compare(input, output);
    expect(quality).toBeUndefined();
    expect(compared).toHaveLength(5);
    for (const { error } of compared) expect(error).toBeLessThan(2 ** -11);
    expect(compared[0]?.error).toBeGreaterThan(0);
  });

  it('in parts stays so unless told, and is as large as was planned', async () => {
    const [input, cwd] = [join(FOLDER, PARTS[1] ?? ''), process.cwd()];
    const recipe = { version: 1 as const, steps: [{ use: 'fp16' }] };
    process.chdir(folder);
    try {
      const planned = await plan(input, { recipe });
      const report = await compress(input, { recipe });
      expect(report.output?.path).toBe('model.min-00001-of-00003.gguf');
      expect(await readdir(folder)).toEqual(PARTS.map((name) => name.replace('model', 'model.min')));
      const sizes = await Promise.all((await readdir(folder)).map(async (name) => (await readFile(name)).length));
      expect([planned.resultBytes, report.resultBytes]).toEqual(Array(2).fill(sizes.reduce((sum, size) => sum + size, 0)));
      expect((await plan(input, { recipe, output: 'one.gguf' })).resultBytes).toBe(
        (await compress(input, { recipe, output: 'one.gguf' })).resultBytes,
      );
    } finally {
      process.chdir(cwd);
    }
  });

  it('has changed metadata in the types that it had', async () => {
    const model = await gguf.open(folderStore(FOLDER), 'everything.gguf');
    const properties = new Map(model.meta.properties);
    properties.set('test.uint32', '7').set('test.float64', '-1.5').set('general.file_type', '15').set('note', 'ä').delete('test.nested');
    const files = await written({ ...model, meta: { ...model.meta, properties } }, 'm.gguf');
    const again = await gguf.open(openMemory(Object.fromEntries(files)), 'm.gguf');
    expect(again.meta.properties).toEqual(properties);
    expect(files.get('m.gguf')?.length).toBe((await read('everything.gguf')).length);
  });

  it('is refused where the format has no place for it', async () => {
    const model = await gguf.open(folderStore(FOLDER), FIRST);
    const sized = (layout: Partial<Weight>) =>
      gguf.size(
        mapWeights(model, (weight) => ({ ...weight, ...layout })),
        'node',
      );
    await expect(sized({ layout: { kind: 'dense', dtype: 'f8e4m3' } })).rejects.toThrow('GGUF has no element type f8e4m3');
    await expect(sized({ layout: { kind: 'blocks', type: 'Q4_K' } })).rejects.toThrow('rows of 32 values are not whole blocks of 256');
    await expect(sized({ shape: [1, 1, 1, 4, 32] })).rejects.toThrow('at most 4 axes');
  });
});

describe('damaged and hostile files end in an error that says what is wrong', () => {
  const open = (bytes: Uint8Array) => gguf.open(openMemory({ 'm.gguf': bytes }), 'm.gguf');
  const refuses = (name: string, file: GgufFile | Uint8Array, code: ErrorCode, says: RegExp) =>
    it(name, async () => {
      const start = process.cpuUsage().user;
      const error = await open(file instanceof Uint8Array ? file : ggufBytes(file)).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(TersorError);
      expect(error).toMatchObject({ code, where: expect.stringContaining('m.gguf'), message: expect.stringMatching(says) });
      expect(process.cpuUsage().user - start).toBeLessThan(2e6);
    });
  const a = tensor('a', [32]);
  const pair = (key: string, type: number, value: Uint8Array) => joined(words(key), u32(type), value);

  refuses('nothing', new Uint8Array(), 'FILE_CORRUPT', /0 bytes/);
  refuses('another format', new Uint8Array(100), 'FILE_UNSUPPORTED', /does not begin as/);
  refuses('version 1', { version: 1 }, 'FILE_UNSUPPORTED', /version 1/);
  refuses('version 4', { version: 4 }, 'FILE_UNSUPPORTED', /version 4.*\n.*2 and 3/);
  refuses('the other byte order', { version: 0x03000000 }, 'FILE_UNSUPPORTED', /big-endian/);
  refuses('more tensors than any file has', { tensorCount: 2n ** 63n }, 'FILE_LIMIT', /tensors: 9223372036854775808/);
  refuses('more tensors than bytes', { tensorCount: 50_000n }, 'FILE_CORRUPT', /tensors, 50000, takes 1200000 bytes/);
  refuses('more metadata than any file has', { pairCount: 2n ** 64n - 1n }, 'FILE_LIMIT', /pairs of metadata/);
  refuses('more metadata than bytes', { pairCount: 9999n }, 'FILE_CORRUPT', /pairs of metadata, 9999/);
  refuses(
    'a key longer than any',
    { pairs: [joined(u64(2n ** 64n - 8n), new Uint8Array(8))] },
    'FILE_LIMIT',
    /a key: 18446744073709551608/,
  );
  refuses('a key longer than the file', { pairs: [[...u64(60_000n), 0, 0, 0, 0, 0]] }, 'FILE_CORRUPT', /a key, 60000, takes/);
  refuses('a key that is no text', { pairs: [[...u64(1n), 0xff, ...u32(0), 0]] }, 'FILE_CORRUPT', /a key is no text/);
  refuses(
    'a key that comes twice',
    { pairs: [pair('k', 0, Uint8Array.of(1)), pair('k', 0, Uint8Array.of(1))] },
    'FILE_CORRUPT',
    /"k" comes twice/,
  );
  refuses('a type that does not exist', { pairs: [pair('k', 13, Uint8Array.of(1))] }, 'FILE_CORRUPT', /type 13/);
  refuses('a text longer than the file', { pairs: [pair('k', 8, u64(1_000_000n))] }, 'FILE_CORRUPT', /value of "k", 1000000,/);
  refuses('a text longer than any', { pairs: [pair('k', 8, u64(2n ** 40n))] }, 'FILE_LIMIT', /1099511627776/);
  refuses(
    'an array longer than the file',
    { pairs: [pair('k', 9, Uint8Array.of(...u32(10), ...u64(2n ** 40n)))] },
    'FILE_CORRUPT',
    /elements of the value/,
  );
  refuses(
    'an array whose bytes wrap',
    { pairs: [pair('k', 9, Uint8Array.of(...u32(10), ...u64(2n ** 61n + 1n)))] },
    'FILE_LIMIT',
    /elements of the value of "k": 2305843009213693953/,
  );
  refuses('arrays in arrays in arrays', { pairs: [pair('k', 9, nested(1000))] }, 'FILE_LIMIT', /nests more than 4/);
  refuses(
    'millions of empty texts',
    { pairs: [pair('k', 9, joined(u32(8), u64(5_000_000n), new Uint8Array(4e7)))] },
    'FILE_LIMIT',
    /more than 4000000 texts/,
  );
  refuses('an alignment of 0', { pairs: [pair('general.alignment', 4, u32(0))] }, 'FILE_CORRUPT', /no power of two/);
  refuses('an alignment of 48', { pairs: [pair('general.alignment', 4, u32(48))] }, 'FILE_CORRUPT', /u32 48/);
  refuses('an alignment of another type', { pairs: [pair('general.alignment', 10, u64(32n))] }, 'FILE_CORRUPT', /u64 32/);
  refuses('an immense alignment', { pairs: [pair('general.alignment', 4, u32(2 ** 31))] }, 'FILE_CORRUPT', /2147483648/);
  refuses('a name longer than any', { tensors: [{ ...a, name: 'a'.repeat(5000) }] }, 'FILE_LIMIT', /name of a tensor: 5000/);
  refuses('a name that comes twice', { tensors: [a, { ...a, offset: 128n }], data: 256 }, 'FILE_CORRUPT', /"a" comes twice/);
  refuses('more axes than any tensor has', { tensors: [{ ...a, rank: 1e9 }] }, 'FILE_LIMIT', /1000000000 axes/);
  refuses('a retired type', { tensors: [{ ...a, type: 31 }] }, 'FILE_UNSUPPORTED', /type 31\n.*one processor/);
  refuses('an unknown type', { tensors: [{ ...a, type: 2 ** 32 - 1 }] }, 'FILE_UNSUPPORTED', /type 4294967295\n.*IQ4_XS/);
  refuses('a product that wraps', { tensors: [{ ...a, dims: [2n ** 32n, 2n ** 32n] }] }, 'FILE_CORRUPT', /takes 73786976294838\d+ bytes/);
  refuses('a length beyond 2^63', { tensors: [{ ...a, dims: [2n ** 64n - 32n] }] }, 'FILE_CORRUPT', /the file ends/);
  refuses('a product that is not finite', { tensors: [{ ...a, dims: Array(4).fill(2n ** 64n - 1n) }] }, 'FILE_CORRUPT', /the file ends/);
  refuses(
    'rows that are no whole blocks',
    { tensors: [{ ...a, dims: [33n], type: 8 }], data: 128 },
    'FILE_CORRUPT',
    /rows of 33 values, in blocks of 32/,
  );
  refuses('values beyond the file', { tensors: [a], data: 127 }, 'FILE_CORRUPT', /takes 128 bytes from/);
  refuses('an offset beyond the file', { tensors: [{ ...a, offset: 2n ** 63n }], data: 128 }, 'FILE_CORRUPT', /the file ends/);
  refuses('an offset that wraps', { tensors: [{ ...a, offset: 2n ** 64n - 32n }], data: 128 }, 'FILE_CORRUPT', /the file ends/);
  refuses('an offset between the steps', { tensors: [{ ...a, offset: 16n }], data: 256 }, 'FILE_CORRUPT', /no multiple of 32/);
  refuses('values that overlap', { tensors: [a, tensor('b', [32], 96n)], data: 512 }, 'FILE_CORRUPT', /where another one goes on/);

  it('nothing is wrong with a tensor without values, and with values in another order', async () => {
    const tensors = [tensor('b', [32], 128n), tensor('a', [32]), { ...tensor('empty', [], 0n), dims: [0n, 2n ** 64n - 1n] }];
    const model = await open(ggufBytes({ version: 2, tensors, data: 256 }));
    expect([...model.weights.keys()]).toEqual(['b', 'a', 'empty']);
    expect(await model.weights.get('empty')?.load()).toMatchObject({ bytes: new Uint8Array() });
  });
});

describe('parts', () => {
  const open = async (change: (files: Record<string, Uint8Array>) => void, name = FIRST) => {
    const files = Object.fromEntries(await Promise.all(PARTS.map(async (part) => [part, await read(part)] as const)));
    change(files);
    return gguf.open(openMemory(files), name);
  };

  it.each<[string, (files: Record<string, Uint8Array>) => void, RegExp, string?]>([
    ['that are missing', (files) => void delete files[PARTS[2] ?? ''], /00003-of-00003.*is not in memory/],
    ['in another order', (files) => Object.assign(files, { [PARTS[1] ?? '']: files[PARTS[2] ?? ''] }), /says that it is part 3 of 3/],
    ['with other names', (files) => Object.assign(files, { 'm.gguf': files[FIRST] }), /is one of 3 parts.*\n.*00001-of-00003/, 'm.gguf'],
  ])('%s are refused', async (_, change, says, name) => {
    await expect(open(change, name)).rejects.toThrow(says);
  });

  it('do not lead out of the folder on disk', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tersor-parts-'));
    try {
      await writeFile(join(folder, FIRST), await read(FIRST));
      await expect(gguf.open(folderStore(folder), FIRST)).rejects.toMatchObject({ code: 'FILE_MISSING', where: PARTS[1] });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

/** An array of one array of one array ... */
function nested(depth: number): Uint8Array {
  return joined(...Array.from({ length: depth }, () => joined(u32(9), u64(1n))));
}

function joined(...parts: readonly ArrayLike<number>[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
