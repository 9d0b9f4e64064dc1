import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zipSync } from 'fflate';
import { afterAll, describe, expect, it } from 'vitest';
import { pack } from '../src/pack.ts';
import { unpack } from '../src/unpack.ts';
import { formsModel } from './support/forms-model.ts';

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
