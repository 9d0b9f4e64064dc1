import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zipSync } from 'fflate';
import { afterAll, describe, expect, it } from 'vitest';
import { pack } from '../src/pack.ts';
import { prefix } from '../src/prefix.ts';
import { unpack } from '../src/unpack.ts';
import { formsModel, integersModel, levelsModel, tunedModels } from './support/forms-model.ts';

const folder = mkdtempSync(join(tmpdir(), 'tersor-pack-'));
const fixtures = fileURLToPath(new URL('fixtures/', import.meta.url));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const path = (name: string) => join(folder, name);

function file(name: string, bytes: Uint8Array): string {
  writeFileSync(path(name), bytes);
  return path(name);
}

async function thereAndBack(input: string) {
  const [packed, back] = [path('packed.tsr'), path('back')];
  const report = await pack(input, { out: packed, force: true, threads: 1 });
  await unpack(packed, { out: back, force: true });
  expect(Buffer.compare(readFileSync(back), readFileSync(input))).toBe(0);
  expect(readFileSync(packed).length).toBe(report.output.bytes);
  return report;
}

describe('the identical bytes come back', () => {
  const files = ['onnx', 'gguf', 'safetensors'].flatMap((name) =>
    readdirSync(join(fixtures, name)).map((each) => join(fixtures, name, each)),
  );
  it.each(files.map((each) => [each.slice(fixtures.length)]))('%s', (each) => thereAndBack(join(fixtures, each)).then(() => undefined));

  it('but nothing is packed twice', async () => {
    const packed = path('twice.tsr');
    await pack(file('twice.txt', new TextEncoder().encode('once '.repeat(99))), { out: packed, force: true, threads: 1 });
    await expect(pack(packed, { out: path('again.tsr'), threads: 1 })).rejects.toThrow('is packed already');
    expect(existsSync(path('again.tsr'))).toBe(false);
  });

  it('of a file with nothing in it, and of one that is no model', async () => {
    await thereAndBack(file('empty.onnx', new Uint8Array()));
    const { note, streams } = await thereAndBack(file('notes.txt', new TextEncoder().encode('nothing but text '.repeat(99))));
    expect(note).toContain('taken for plain bytes');
    expect(streams).toMatchObject([{ type: 'bytes', forms: ['matches'] }]);
  });

  it('of arrays in a zip, which are coded one by one where they are stored as they are', async () => {
    const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (64, 96), }".padEnd(117) + '\n';
    const values = new Uint8Array(formsModel().slice(-30000 - 64 * 96 * 4, -30000).buffer);
    const npy = Uint8Array.from([
      0x93,
      ...new TextEncoder().encode('NUMPY'),
      1,
      0,
      header.length,
      0,
      ...new TextEncoder().encode(header),
      ...values,
    ]);
    const stored = await thereAndBack(file('stored.npz', zipSync({ 'a.npy': [npy, { level: 0 }] })));
    expect(stored.streams.map(({ type }) => type)).toContain('f32');
    await thereAndBack(file('deflated.npz', zipSync({ 'a.npy': npy })));
  });

  it('of every form that chunks take', async () => {
    const { streams, output, input } = await thereAndBack(file('forms.safetensors', formsModel()));
    const forms = Object.fromEntries(streams.map(({ name, forms }) => [name, forms[0]]));
    expect(forms).toMatchObject({
      floats: 'planes',
      'floats.again': 'duplicate',
      palette: 'palette',
      sparse: 'sparse',
      repeats: 'matches',
      mirrored: 'matches',
    });
    expect(output.bytes).toBeLessThan(input.bytes * 0.6);
  });
});

describe('with a base', () => {
  const { base, tuned } = tunedModels();
  const [before, after] = [file('before.safetensors', base), file('after.safetensors', tuned)];
  const formsOf = async (input: string, like: string) => {
    const [packed, back] = [path('on-base.tsr'), path('on-base.back')];
    const report = await pack(input, { base: like, out: packed, force: true, threads: 1 });
    await unpack(packed, { base: like, out: back, force: true });
    expect(Buffer.compare(readFileSync(back), readFileSync(input))).toBe(0);
    return { ...report, forms: Object.fromEntries(report.streams.map(({ name, forms }) => [name, forms[0]])) };
  };

  it('weights that changed are differences, whatever they are called; those that did not take nothing', async () => {
    const { forms, output, base: wanted } = await formsOf(after, before);
    expect(forms).toMatchObject({
      moved: 'difference',
      renamed: 'unchanged',
      grown: 'difference',
      odd: 'difference',
      doubles: 'difference',
      'small weights of u8': 'xor',
      'between the weights': 'matches',
    });
    expect(wanted).toMatchObject([{ name: 'before.safetensors', bytes: base.length }]);
    expect(output.bytes).toBeLessThan((await pack(after, { dryRun: true, threads: 1 })).output.bytes * 0.6);
    expect((await formsOf(before, before)).output.bytes).toBeLessThan(500);
  });

  it.each([
    ['GGUF', 'gguf/everything.gguf', 'gguf/everything.gguf'],
    ['ONNX', 'onnx/everything.onnx', 'onnx/opset-7.onnx'],
  ])('%s', async (_, input, like) => {
    await formsOf(join(fixtures, input), join(fixtures, like));
  });

  it('a base in several files is found by its index or its folder, and of it only what is like', async () => {
    const folder = path('shards');
    mkdirSync(folder);
    const parts = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
    writeFileSync(join(folder, parts[0]!), levelsModel());
    writeFileSync(join(folder, parts[1]!), base);
    const namesIn = (bytes: Uint8Array) => {
      const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
      const { __metadata__: _, ...tensors } = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
      return Object.keys(tensors);
    };
    const entries = [levelsModel(), base].flatMap((bytes, i) => namesIn(bytes).map((name) => [name, parts[i]] as const));
    writeFileSync(join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map: Object.fromEntries(entries) }));
    for (const like of [folder, join(folder, 'model.safetensors.index.json')]) {
      const { base: wanted, forms } = await formsOf(after, like);
      expect(wanted).toMatchObject([{ name: parts[1] }]);
      expect(forms).toMatchObject({ renamed: 'unchanged' });
    }
    await unpack(path('on-base.tsr'), { base: join(folder, parts[1]!), out: path('by-part'), force: true });
  });

  it('a base that is missing, or is another one, is an error, and so is one that nothing asks for', async () => {
    const packed = path('based.tsr');
    await pack(after, { base: before, out: packed, threads: 1, force: true });
    const out = path('none');
    await expect(unpack(packed, { out })).rejects.toMatchObject({
      code: 'BASE_MISSING',
      message: expect.stringContaining('before.safetensors'),
    });
    const other = file(
      'other.safetensors',
      base.map((byte, i) => (i === base.length - 1 ? byte ^ 1 : byte)),
    );
    await expect(unpack(packed, { base: other, out })).rejects.toMatchObject({ code: 'BASE_MISSING' });
    await expect(unpack(packed, { base: path('nowhere'), out })).rejects.toMatchObject({ code: 'FILE_MISSING' });
    await expect(pack(after, { base: packed, out: path('x.tsr'), threads: 1 })).rejects.toMatchObject({ code: 'USAGE' });
    const plain = path('plain.tsr');
    await pack(after, { out: plain, threads: 1 });
    await expect(unpack(plain, { base: before, out })).rejects.toMatchObject({ code: 'USAGE' });
    expect(existsSync(out)).toBe(false);
  });
});

describe('nested bits', () => {
  const model = () => file('integers.safetensors', integersModel());

  it('the identical bytes come back, and of any prefix a file of the same form', async () => {
    const packed = path('nested.tsr');
    const plain = await pack(model(), { dryRun: true, threads: 1 });
    const { output } = await pack(model(), { nested: 8, out: packed, threads: 1 });
    expect(output.bytes).toBeLessThan(plain.output.bytes * 1.1);
    await unpack(packed, { out: path('nested.back') });
    expect(Buffer.compare(readFileSync(path('nested.back')), integersModel())).toBe(0);
    const short = await prefix(packed, { bits: 4, out: path('short.tsr') });
    expect(short.bits).toBe(4);
    expect(readFileSync(path('short.tsr'))).toHaveLength(short.output.bytes);
    expect(short.output.bytes).toBeLessThan(output.bytes * 0.65);
    await unpack(path('short.tsr'), { out: path('short.back') });
    const few = readFileSync(path('short.back'));
    expect(few).toHaveLength(integersModel().length);
    // what is written at once, and a prefix of a prefix
    await pack(model(), { nested: 4, out: path('at-once.tsr'), threads: 1 });
    expect(Buffer.compare(readFileSync(path('at-once.tsr')), readFileSync(path('short.tsr')))).toBe(0);
    await prefix(path('short.tsr'), { bits: 2, out: path('shorter.tsr') });
    await prefix(packed, { bits: 2, out: path('shortest.tsr') });
    expect(Buffer.compare(readFileSync(path('shorter.tsr')), readFileSync(path('shortest.tsr')))).toBe(0);
  });

  it('a prefix is not taken of what is damaged', async () => {
    const packed = path('to-damage.tsr');
    await pack(model(), { nested: 8, out: packed, threads: 1 });
    const bytes = readFileSync(packed);
    bytes[bytes.length >> 3]! ^= 16;
    writeFileSync(packed, bytes);
    await expect(prefix(packed, { bits: 4, out: path('damaged-short.tsr') })).rejects.toMatchObject({ code: 'FILE_CORRUPT' });
    expect(existsSync(path('damaged-short.tsr'))).toBe(false);
  });

  it('what has none says so', async () => {
    await expect(pack(file('floats.safetensors', formsModel()), { nested: 8, out: path('x.tsr'), threads: 1 })).resolves.toBeDefined();
    await expect(
      pack(file('text.txt', new TextEncoder().encode('text')), { nested: 8, out: path('y.tsr'), threads: 1 }),
    ).rejects.toMatchObject({
      code: 'LAYOUT',
    });
    await pack(model(), { out: path('z.tsr'), threads: 1 });
    await expect(prefix(path('z.tsr'), { bits: 4, out: path('no.tsr') })).rejects.toMatchObject({ code: 'USAGE' });
    expect(existsSync(path('no.tsr'))).toBe(false);
  });
});

describe('files', () => {
  const model = () => file('model.safetensors', formsModel());

  it('a dry run says how small it gets, and writes nothing', async () => {
    const before = readdirSync(folder);
    const { output } = await pack(model(), { out: path('dry.tsr'), dryRun: true, threads: 1 });
    expect(output.path).toBeUndefined();
    expect(existsSync(path('dry.tsr'))).toBe(false);
    expect(await pack(model(), { out: path('wet.tsr'), threads: 1 })).toMatchObject({ output: { bytes: output.bytes } });
    expect(readdirSync(folder).filter((name) => name.startsWith('.'))).toEqual(before.filter((name) => name.startsWith('.')));
  });

  it('the profile max is smaller still', async () => {
    const [plain, most] = await Promise.all(
      (['default', 'max'] as const).map((profile) => pack(model(), { out: path(`${profile}.tsr`), profile, threads: 1 })),
    );
    expect(most!.output.bytes).toBeLessThan(plain!.output.bytes);
    await unpack(path('max.tsr'), { out: path('max.back') });
    expect(Buffer.compare(readFileSync(path('max.back')), formsModel())).toBe(0);
  });

  it('threads change nothing', async () => {
    await pack(model(), { out: path('one.tsr'), threads: 1, force: true });
    await pack(model(), { out: path('three.tsr'), threads: 3, force: true });
    expect(Buffer.compare(readFileSync(path('one.tsr')), readFileSync(path('three.tsr')))).toBe(0);
  });

  it('nothing is overwritten unasked, and a damaged container leaves nothing', async () => {
    await pack(model(), { out: path('good.tsr'), threads: 1 });
    await expect(pack(model(), { out: path('good.tsr'), threads: 1 })).rejects.toMatchObject({ code: 'FILE_EXISTS' });
    const bytes = readFileSync(path('good.tsr'));
    bytes[bytes.length - 100]! ^= 1;
    file('bad.tsr', bytes);
    await expect(unpack(path('bad.tsr'), { out: path('bad.out') })).rejects.toMatchObject({ code: 'FILE_CORRUPT' });
    expect(readdirSync(folder).filter((name) => name.startsWith('bad') || name.startsWith('.'))).toEqual(['bad.tsr']);
    await expect(unpack(model(), { out: path('none') })).rejects.toMatchObject({ code: 'FILE_UNSUPPORTED' });
  });
});
