import { mkdir, mkdtemp, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { adviceOf, reasonOf, WRITING } from '../../src/io/node-file.ts';
import { openFolder, openNodeStore } from '../../src/io/node-store.ts';

const bytes = (length: number, first = 0) => Uint8Array.from({ length }, (_, i) => (first + i * 7) % 256);

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tersor-store-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('reading', () => {
  it('gives exactly what is asked for, at any place, small or large', async () => {
    const content = bytes(300_000);
    await writeFile(join(folder, 'a'), content);
    const store = openNodeStore(folder);
    const source = await store.open('a');
    expect(source.size).toBe(content.length);
    for (const [offset, length] of [
      [0, 10],
      [65_530, 20],
      [5, 1],
      [100_000, 190_000],
      [299_999, 1],
      [300_000, 0],
      [65_536, 65_536],
      [0, 300_000],
    ] as const) {
      expect(Buffer.compare(await source.read(offset, length), content.subarray(offset, offset + length)), `${offset}, ${length}`).toBe(0);
    }
    await store.close();
  });

  it('gives bytes of their own, that start at a multiple of 8', async () => {
    await writeFile(join(folder, 'a'), bytes(100));
    const store = openNodeStore(folder);
    const source = await store.open('a');
    const part = await source.read(3, 8);
    expect(part.byteOffset % 8).toBe(0);
    part.fill(255);
    expect(await source.read(3, 8)).toEqual(bytes(8, 21));
    await store.close();
  });

  it.each([
    [0, 101],
    [-1, 2],
    [101, 0],
    [50, Number.NaN],
    [2 ** 53, 2],
  ])('refuses %d, %d of 100 bytes', async (offset, length) => {
    await writeFile(join(folder, 'a'), bytes(100));
    const store = openNodeStore(folder);
    const source = await store.open('a');
    await expect(source.read(offset, length)).rejects.toMatchObject({ code: 'FILE_CORRUPT', where: 'a' });
    await store.close();
  });

  it('says so when the file shrinks under it', async () => {
    await writeFile(join(folder, 'a'), bytes(200_000));
    const store = openNodeStore(folder);
    const source = await store.open('a');
    await truncate(join(folder, 'a'), 10);
    await expect(source.read(0, 200_000)).rejects.toThrow('a: became shorter while it was read');
    await store.close();
  });

  it('says what is missing', async () => {
    await mkdir(join(folder, 'sub'));
    const store = openNodeStore(folder);
    await expect(store.open('nothing')).rejects.toThrow(
      'nothing: does not exist\n  check the path, and that you may read it [FILE_MISSING]',
    );
    await expect(store.open('sub')).rejects.toThrow('sub: is a folder');
    await expect(openNodeStore(join(folder, 'nowhere')).list()).rejects.toMatchObject({ code: 'FILE_MISSING' });
  });

  it.skipIf(process.platform === 'win32')('does not wait for devices and pipes', async () => {
    const store = openNodeStore('/dev', { trusted: ['zero'] });
    await expect(store.open('zero')).rejects.toThrow('zero: is no ordinary file\n  copy it into one first [FILE_MISSING]');
  });

  it('lists files, not folders', async () => {
    await mkdir(join(folder, 'sub'));
    await writeFile(join(folder, 'a'), '');
    expect(await openNodeStore(folder).list()).toEqual(['a']);
  });
});

describe('names', () => {
  const out = ['../a', '/etc/passwd', 'sub/../../a', '..', '', 'C:\\a', 'c:/a', 'sub\\a', '.', 'a\0b'];
  it.each(out)('%j does not lead out', async (name) => {
    const store = openNodeStore(join(folder, 'inner'));
    await mkdir(join(folder, 'inner'));
    await writeFile(join(folder, 'a'), 'secret');
    await expect(store.open(name)).rejects.toMatchObject({ code: 'FILE_CORRUPT' });
    await expect(store.create(name)).rejects.toMatchObject({ code: 'FILE_CORRUPT' });
  });

  it('may be in a folder below, and begin with dots', async () => {
    await mkdir(join(folder, 'sub'));
    await writeFile(join(folder, 'sub', '..a'), 'x');
    await writeFile(join(folder, '...'), 'x');
    const store = openNodeStore(folder);
    expect((await store.open('sub/..a')).size).toBe(1);
    expect((await store.open('...')).size).toBe(1);
    await store.close();
  });

  it('of a model that a person gave may be a link, others may not lead out', async () => {
    await mkdir(join(folder, 'inner'));
    await writeFile(join(folder, 'real'), 'x');
    await symlink('../real', join(folder, 'inner', 'link'));
    const { store, name } = await openFolder(join(folder, 'inner', 'link'));
    expect((await store.open(name)).size).toBe(1);
    await store.close();
    await expect(openNodeStore(join(folder, 'inner')).open('link')).rejects.toMatchObject({ code: 'FILE_CORRUPT' });
  });
});

describe('writing', () => {
  const put = async (store: ReturnType<typeof openNodeStore>, name: string, ...chunks: Uint8Array[]) => {
    const sink = await store.create(name);
    for (const chunk of chunks) await sink.write(chunk);
    await sink.close();
  };

  it('shows nothing until the commit, then everything', async () => {
    const store = openNodeStore(folder);
    await put(store, 'data', bytes(10), bytes(200_000), bytes(3));
    await put(store, 'main', bytes(5));
    expect((await readdir(folder)).filter((name) => !name.startsWith('.'))).toEqual([]);
    await store.commit();
    expect((await readdir(folder)).sort()).toEqual(['data', 'main']);
    expect(Buffer.compare(await readFile(join(folder, 'data')), Buffer.concat([bytes(10), bytes(200_000), bytes(3)]))).toBe(0);
  });

  it('keeps a chunk as it was, whatever becomes of its buffer', async () => {
    const store = openNodeStore(folder);
    const sink = await store.create('a');
    const chunk = bytes(4);
    await sink.write(chunk);
    chunk.fill(255);
    await sink.close();
    await store.commit();
    expect(new Uint8Array(await readFile(join(folder, 'a')))).toEqual(bytes(4));
  });

  it('leaves nothing behind when it is discarded, in the middle too', async () => {
    const store = openNodeStore(folder);
    await put(store, 'a', bytes(10));
    const open = await store.create('b');
    await open.write(bytes(100_000));
    await store.discard();
    expect(await readdir(folder)).toEqual([]);
    await store.discard();
  });

  it('replaces what was there only at the commit', async () => {
    await writeFile(join(folder, 'a'), 'old');
    const store = openNodeStore(folder);
    await put(store, 'a', bytes(3));
    expect(await readFile(join(folder, 'a'), 'utf8')).toBe('old');
    await store.commit();
    expect(new Uint8Array(await readFile(join(folder, 'a')))).toEqual(bytes(3));
  });

  it('puts the file that was created last in place last: when that fails, it is not there', async () => {
    await mkdir(join(folder, 'main'));
    await writeFile(join(folder, 'main', 'full'), '');
    const store = openNodeStore(folder);
    await put(store, 'data', bytes(3));
    await put(store, 'main', bytes(3));
    await expect(store.commit()).rejects.toMatchObject({ code: 'FILE_WRITE', where: 'main' });
    expect(await readdir(folder)).toContain('data');
    await store.discard();
    expect((await readdir(folder)).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('says what to do where it cannot write', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(openNodeStore(join(folder, 'nowhere')).create('a')).rejects.toThrow(
      'a: its folder does not exist\n  make the folder first [FILE_WRITE]',
    );
    await expect(openNodeStore(folder).create('file/a')).rejects.toThrow(/its folder does not exist/);
  });

  it.each([
    ['ENOSPC', 'the disk is full', /free some space/],
    ['EACCES', 'may not be written', /^write elsewhere$/],
    ['EROFS', 'the disk is read-only', /^write elsewhere$/],
  ])('explains %s', (code, reason, advice) => {
    const error = Object.assign(new Error('raw words'), { code });
    expect(reasonOf(error, WRITING)).toBe(reason);
    expect(adviceOf(error)).toMatch(advice);
  });
});
