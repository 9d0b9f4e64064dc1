import { openCursor } from './cursor.ts';
import { MAX_TEXT_BYTES, MAX_TEXTS } from './limits.ts';
import { type Entry, typeName, type ValueType } from './metadata.ts';

/** The texts of an array in the metadata; undefined for what is none. @throws FILE_CORRUPT, FILE_LIMIT */
export async function readTexts(entry: Entry | undefined): Promise<readonly string[] | undefined> {
  const cursor = await cursorOver(entry, 'string');
  if (!cursor) return undefined;
  const count = await cursor.count('texts', { most: MAX_TEXTS, least: 8 });
  const found: string[] = [];
  for (let i = 0; i < count; i++) found.push(await cursor.text('a text', MAX_TEXT_BYTES));
  return found;
}

/** The numbers of an array of 32 bits each; undefined for what is none. @throws FILE_CORRUPT, FILE_LIMIT */
export async function readNumbers(entry: Entry | undefined, type: 'i32' | 'f32'): Promise<readonly number[] | undefined> {
  const cursor = await cursorOver(entry, type);
  if (!cursor) return undefined;
  const count = await cursor.count('numbers', { most: MAX_TEXTS, least: 4 });
  const view = await cursor.take(count * 4, 'numbers');
  return Array.from({ length: count }, (_, i) => (type === 'i32' ? view.getInt32(i * 4, true) : view.getFloat32(i * 4, true)));
}

/** At the count of an array's elements, where it is one of that type. */
async function cursorOver(entry: Entry | undefined, type: ValueType) {
  if (entry?.type !== 'array') return undefined;
  const { source, offset, length } = entry.range;
  const cursor = openCursor({ name: source.name, size: length, read: (at, size) => source.read(offset + at, size) });
  return typeName((await cursor.take(4, 'the type of an array')).getUint32(0, true)) === type ? cursor : undefined;
}
