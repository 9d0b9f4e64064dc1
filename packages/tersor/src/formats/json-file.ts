import { TersorError } from '../core/error.ts';
import type { Store } from '../core/source.ts';

/** An object of a JSON file: what it holds is not known before it is looked at. */
export type Fields = Readonly<Record<string, unknown>>;

/** Of configs, which have kilobytes. */
const MAX_CONFIG_BYTES = 16_000_000;

/** The largest vocabularies have 40 MB. */
export const MAX_VOCABULARY_BYTES = 200_000_000;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object in a JSON file beside a model; undefined when there is no such file. @throws FILE_CORRUPT, FILE_LIMIT */
export async function readJson(store: Store, name: string, most = MAX_CONFIG_BYTES): Promise<Fields | undefined> {
  const text = await readText(store, name, most);
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new TersorError('FILE_CORRUPT', name, cause instanceof Error ? cause.message : 'is not JSON', 'fetch or save it again', {
      cause,
    });
  }
  if (!isFields(value)) throw new TersorError('FILE_CORRUPT', name, 'is no object', 'fetch or save it again');
  return value;
}

/** The text of a file beside a model; undefined when there is none. @throws FILE_LIMIT */
export async function readText(store: Store, name: string, most = MAX_CONFIG_BYTES): Promise<string | undefined> {
  const source = await store.open(name).catch((error: unknown) => {
    if (error instanceof TersorError && error.code === 'FILE_MISSING') return undefined;
    throw error;
  });
  if (!source) return undefined;
  if (source.size > most) throw new TersorError('FILE_LIMIT', name, `takes ${source.size} bytes`, `at most ${most} are read`);
  return new TextDecoder().decode(await source.read(0, source.size));
}
