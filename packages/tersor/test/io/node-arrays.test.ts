import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openArrays } from '../../src/io/node-arrays.ts';
import { openDigestStore } from '../../src/io/node-digest-store.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'arrays-'));
});
afterEach(() => rm(folder, { recursive: true }));

const some = [Float64Array.of(1.5, Number.NaN, -0, Number.NEGATIVE_INFINITY), new Float64Array(), Float64Array.of(7)];

it('remembers in the next run what depends on the same, and nothing else', async () => {
  await openArrays(folder, ['model', 'data']).put('gram', some);
  await openArrays(folder, ['model', 'data']).put('nothing', []);
  const later = openArrays(folder, ['model', 'data']);
  expect(await later.get('gram')).toEqual(some);
  expect(await later.get('nothing')).toEqual([]);
  expect(await later.get('mean')).toBeUndefined();
  expect(await openArrays(folder, ['model', 'other']).get('gram')).toBeUndefined();
});

it('knows nothing of damaged files, and writes them anew', async () => {
  const arrays = openArrays(folder, ['model']);
  await arrays.put('gram', some);
  const [name = ''] = await readdir(join(folder, 'observed'));
  const path = join(folder, 'observed', name);
  const whole = await readFile(path);
  for (let i = 0; i < whole.length; i += 5) {
    const damaged = Buffer.from(whole);
    damaged[i]! ^= 16;
    await writeFile(path, damaged);
    expect(await arrays.get('gram')).toBeUndefined();
  }
  for (const length of [0, 7, 31, 40, whole.length - 1]) {
    await writeFile(path, whole);
    await truncate(path, length);
    expect(await arrays.get('gram')).toBeUndefined();
  }
  await arrays.put('gram', some);
  expect(await readFile(path)).toEqual(whole);
  expect(await readdir(join(folder, 'observed'))).toEqual([name]);
});

it('keeps in memory what cannot be written', async () => {
  await writeFile(join(folder, 'file'), '');
  const arrays = openArrays(join(folder, 'file'), ['model']);
  await arrays.put('gram', some);
  expect(await arrays.get('gram')).toEqual(some);
});

it('tells files by their names and bytes', async () => {
  const digestOf = async (files: Readonly<Record<string, string>>) => {
    const store = openDigestStore();
    for (const [name, text] of Object.entries(files)) {
      const sink = await store.create(name);
      for (const letter of text) await sink.write(new TextEncoder().encode(letter));
      await sink.close();
    }
    await store.commit();
    return store.digest();
  };
  const digests = await Promise.all(
    [{ a: 'xy', b: '' }, { b: '', a: 'xy' }, { a: 'x', b: 'y' }, { a: 'xy' }, { c: 'xy', b: '' }].map(digestOf),
  );
  expect(digests[0]).toBe(digests[1]);
  expect(new Set(digests).size).toBe(4);
});
