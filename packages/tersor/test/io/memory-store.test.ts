import { expect, it } from 'vitest';
import { openMemory } from '../../src/io/memory-store.ts';

it('holds files, and shows written ones when they are committed', async () => {
  const store = openMemory({ a: Uint8Array.of(1, 2, 3) });
  const sink = await store.create('b');
  const chunk = Uint8Array.of(4);
  await sink.write(chunk);
  chunk[0] = 9;
  await sink.write(Uint8Array.of(5));
  await sink.close();
  expect(await store.list()).toEqual(['a']);
  await store.commit();
  expect(store.files.get('b')).toEqual(Uint8Array.of(4, 5));
  const discarded = await store.create('c');
  await discarded.close();
  await store.discard();
  await store.commit();
  expect(await store.list()).toEqual(['a', 'b']);
});

it('refuses what is not there', async () => {
  const store = openMemory({ a: Uint8Array.of(1, 2, 3) }, 'test');
  await expect(store.open('b')).rejects.toThrow('b: is not in test [FILE_MISSING]');
  const source = await store.open('a');
  await expect(source.read(1, 3)).rejects.toMatchObject({ code: 'FILE_CORRUPT' });
  await expect(source.read(-1, 1)).rejects.toMatchObject({ code: 'FILE_CORRUPT' });
  expect(await source.read(1, 2)).toEqual(Uint8Array.of(2, 3));
});

it('reads a Buffer as plain bytes, whose slice is a copy', async () => {
  const store = openMemory({ a: Buffer.from([1, 2, 3]) });
  const part = await (await store.open('a')).read(0, 2);
  part.slice()[0] = 9;
  expect(part[0]).toBe(1);
});
