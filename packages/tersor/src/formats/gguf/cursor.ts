import { TersorError } from '../../core/error.ts';
import type { Source } from '../../core/source.ts';

/** Read at a time: a header is walked from its beginning to its end, and nobody knows beforehand where that is. */
const WINDOW = 2 ** 20;

/** Reads a file from its beginning on. Whatever passes the file's end is an error before anything is read or skipped. */
export interface Cursor {
  readonly source: Source;
  /** Bytes from the beginning of the file. */
  at(): number;
  /** The next bytes. @throws FILE_CORRUPT when there are fewer */
  take(length: number, what: string): Promise<DataView>;
  /** @throws FILE_CORRUPT when there are fewer */
  skip(length: number, what: string): void;
  /** A number of 64 bits that counts something; `least`: what each of them takes in the file, at least. @throws FILE_CORRUPT, FILE_LIMIT beyond `most` */
  count(what: string, limit: { readonly most: number; readonly least: number }): Promise<number>;
  /** A length and as many bytes of UTF-8. @throws FILE_CORRUPT, FILE_LIMIT */
  text(what: string, most: number): Promise<string>;
}

export function openCursor(source: Source): Cursor {
  let at = 0;
  let start = 0;
  let window: Uint8Array = new Uint8Array();

  const mustHave = (length: number, what: string): void => {
    if (length <= source.size - at) return;
    throw corrupt(source.name, `${what} takes ${length} bytes from ${at} on, and the file ends at ${source.size}`);
  };
  const take = async (length: number, what: string): Promise<DataView> => {
    mustHave(length, what);
    if (at < start || at + length > start + window.length) {
      window = await source.read(at, Math.min(Math.max(length, WINDOW), source.size - at));
      start = at;
    }
    const view = new DataView(window.buffer, window.byteOffset + at - start, length);
    at += length;
    return view;
  };
  const count: Cursor['count'] = async (what, { most, least }) => {
    const stated = (await take(8, what)).getBigUint64(0, true);
    const number = Number(stated);
    if (number > most) throw new TersorError('FILE_LIMIT', source.name, `${what}: ${stated}`, `at most ${most} are read`);
    mustHave(number * least, `${what}, ${number},`);
    return number;
  };
  return {
    source,
    at: () => at,
    take,
    skip(length, what) {
      mustHave(length, what);
      at += length;
    },
    count,
    async text(what, most) {
      const bytes = await take(await count(`length of ${what}`, { most, least: 1 }), what);
      try {
        return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
      } catch {
        throw corrupt(source.name, `${what} is no text`);
      }
    },
  };
}

export function corrupt(where: string, what: string): TersorError {
  return new TersorError('FILE_CORRUPT', where, what, 'fetch or convert it again');
}
