import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openNumbers } from '../../src/io/node-numbers.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'numbers-'));
});
afterEach(() => rm(folder, { recursive: true }));

const never = () => Promise.reject(new Error('measured again'));

it('measures once, and remembers in the next run what depends on the same', async () => {
  const first = await openNumbers(folder, ['model', 'data']);
  expect(await first.recall('a', async () => 0.1 + 0.2)).toBe(0.1 + 0.2);
  expect(await first.recall('a', never)).toBe(0.1 + 0.2);
  expect(await first.recall('no number', async () => Number.NaN)).toBeNaN();
  expect(await first.recall('x'.repeat(500), async () => Number.POSITIVE_INFINITY)).toBe(Number.POSITIVE_INFINITY);
  await first.save();

  const second = await openNumbers(folder, ['model', 'data']);
  expect(await second.recall('a', never)).toBe(0.1 + 0.2);
  expect(await second.recall('no number', never)).toBeNaN();
  expect(await second.recall('x'.repeat(500), never)).toBe(Number.POSITIVE_INFINITY);
  expect(second.recalled).toBe(3);

  const other = await openNumbers(folder, ['model', 'other data']);
  expect(await other.recall('a', async () => 7)).toBe(7);
});

it('a failed measurement is not remembered', async () => {
  const numbers = await openNumbers(folder, ['model']);
  await expect(numbers.recall('a', never)).rejects.toThrow();
  expect(await numbers.recall('a', async () => 1)).toBe(1);
});

it.each(['', '{', '[]', '{"version":0,"numbers":{"a":1}}', '{"version":1,"numbers":{"a":{}}}', '{"version":1,"numbers":null}'])(
  'a damaged file, %s, is measured again and written anew',
  async (text) => {
    const before = await openNumbers(folder, ['model']);
    await before.recall('a', async () => 5);
    await before.save();
    const [name = ''] = await readdir(join(folder, 'measured'));
    await writeFile(join(folder, 'measured', name), text);
    const after = await openNumbers(folder, ['model']);
    expect(await after.recall('a', async () => 6)).toBe(6);
    await after.save();
    expect(JSON.parse(await readFile(join(folder, 'measured', name), 'utf8'))).toEqual({ version: 1, numbers: { a: 6 } });
  },
);

it('keeps nothing without a folder, nor where it cannot', async () => {
  const numbers = await openNumbers(undefined, ['model']);
  expect(await numbers.recall('a', async () => 5)).toBe(5);
  await numbers.save();
  await writeFile(join(folder, 'file'), '');
  const blocked = await openNumbers(join(folder, 'file'), ['model']);
  expect(await blocked.recall('a', async () => 5)).toBe(5);
  await blocked.save();
  expect(await readdir(folder)).toEqual(['file']);
});

it('goes on where no folder can be made', async () => {
  const numbers = await openNumbers(join('/proc', 'nowhere'), ['model']);
  expect(await numbers.recall('a', async () => 5)).toBe(5);
  await numbers.save();
  const deep = await openNumbers(join(folder, 'a', 'b', 'c'), ['model']);
  await deep.recall('a', async () => 5);
  await deep.save();
  expect(await readdir(join(folder, 'a', 'b', 'c', 'measured'))).toHaveLength(1);
});

it('the oldest files go', async () => {
  for (let i = 0; i < 70; i++) {
    const numbers = await openNumbers(folder, [String(i)]);
    await numbers.recall('a', async () => i);
    await numbers.save();
  }
  expect((await readdir(join(folder, 'measured'))).length).toBe(64);
});
