import { TersorError } from '../../core/error.ts';

/**
 * Reads JSON whose shape is known beforehand, from left to right. What a general parser lets pass is an error here: keys that come twice,
 * and values deeper or of another type than expected, which are refused where they begin, before anything is built of them.
 */
export interface Scanner {
  /** An object: `read` takes the value of each key. @throws FILE_CORRUPT */
  object(read: (key: string) => void): void;
  /** An array: `read` takes each element. */
  array(read: () => void): void;
  text(): string;
  /** From 0 to 2^53. */
  count(): number;
  /** Passes over any value, at most `MAX_DEPTH` deep. */
  skip(): void;
  /** Only blanks may follow. */
  end(): void;
}

const BLANKS = ' \t\r\n';

/** Of values that are passed over. */
const MAX_DEPTH = 16;

/** @param where  for messages */
export function scanJson(json: string, where: string): Scanner {
  let at = 0;

  const wrong = (expected: string): TersorError => {
    const found = at >= json.length ? 'it ends' : `there is ${JSON.stringify(json.slice(at, at + 12))}`;
    return new TersorError('FILE_CORRUPT', where, `${expected} is expected at character ${at}, and ${found}`, 'fetch or save it again');
  };
  const blanks = (): void => {
    while (at < json.length && BLANKS.includes(json[at]!)) at++;
  };
  const takes = (mark: string): boolean => {
    blanks();
    if (json[at] !== mark) return false;
    at++;
    return true;
  };
  const take = (mark: string): void => {
    if (!takes(mark)) throw wrong(`"${mark}"`);
  };
  const text = (): string => {
    blanks();
    if (json[at] !== '"') throw wrong('a string');
    let end = json.indexOf('"', at + 1);
    while (end !== -1 && isEscaped(json, end)) end = json.indexOf('"', end + 1);
    if (end === -1) throw wrong('a string that ends');
    try {
      const value: unknown = JSON.parse(json.slice(at, end + 1));
      at = end + 1;
      return String(value);
    } catch {
      throw wrong('a valid string');
    }
  };
  const object = (read: (key: string) => void): void => {
    const seen = new Set<string>();
    take('{');
    if (takes('}')) return;
    do {
      const key = text();
      if (seen.has(key)) throw new TersorError('FILE_CORRUPT', where, `${JSON.stringify(key.slice(0, 80))} comes twice`, 'save it again');
      seen.add(key);
      take(':');
      read(key);
    } while (takes(','));
    take('}');
  };
  const array = (read: () => void): void => {
    take('[');
    if (takes(']')) return;
    do read();
    while (takes(','));
    take(']');
  };
  const skip = (depth: number): void => {
    if (depth === MAX_DEPTH) throw new TersorError('FILE_LIMIT', where, `nests more than ${MAX_DEPTH} values`, 'no honest file does that');
    blanks();
    if (json[at] === '{') object(() => skip(depth + 1));
    else if (json[at] === '[') array(() => skip(depth + 1));
    else if (json[at] === '"') text();
    else word();
  };
  /** A number, true, false or null. */
  const word = (): void => {
    const start = at;
    while (at < json.length && at - start < 32 && /[-+.\w]/.test(json[at]!)) at++;
    if (!/^(?:true|false|null|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)$/.test(json.slice(start, at))) throw wrong('a value');
  };
  return {
    object,
    array,
    skip: () => skip(0),
    text,
    count() {
      blanks();
      let end = at;
      while (end < json.length && end - at <= 16 && json[end]! >= '0' && json[end]! <= '9') end++;
      const value = Number(json.slice(at, end));
      if (end === at || !Number.isSafeInteger(value)) throw wrong('a count');
      at = end;
      return value;
    },
    end() {
      blanks();
      if (at < json.length) throw wrong('nothing more');
    },
  };
}

/** Whether an odd number of backslashes stands before a place. */
function isEscaped(json: string, place: number): boolean {
  let at = place;
  while (json[at - 1] === '\\') at--;
  return (place - at) % 2 === 1;
}
