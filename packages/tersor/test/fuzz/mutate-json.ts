import type { Random } from '../../src/core/random.ts';

const below = (random: Random, end: number) => Math.floor(random() * end);
const pick = <T>(random: Random, from: readonly T[]): T | undefined => from[below(random, from.length)];

/** What breaks arithmetic, and what is no number where one is meant. */
const VALUES = [
  '0',
  '1',
  '-1',
  '3',
  '31',
  '32',
  '64',
  '4294967296',
  '9007199254740992',
  '1e308',
  '0.5',
  'null',
  'true',
  '"4"',
  '[]',
  '{}',
  '[2,2]',
];

/** A config, or a safetensors file: the length of its header, the header, values. */
export function jsonDamages(file: Uint8Array): Readonly<Record<string, (random: Random) => Uint8Array>> {
  const isConfig = file[0] === 0x7b;
  const length = isConfig ? file.length : Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const start = isConfig ? 0 : 8;
  const json = new TextDecoder('latin1').decode(file.subarray(start, start + length));
  const tokens = [...json.matchAll(/"[^"]*"|-?\d+(?:\.\d+)?|true|false|null/g)].map(({ 0: token, index }) => ({ token, index }));
  const withJson = (text: string, isHonest = true): Uint8Array => {
    const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
    if (isConfig) return bytes;
    const result = new Uint8Array(8 + bytes.length + file.length - start - length);
    result.set(file.subarray(0, 8));
    if (isHonest) new DataView(result.buffer).setBigUint64(0, BigInt(bytes.length), true);
    result.set(bytes, 8);
    result.set(file.subarray(start + length), 8 + bytes.length);
    return result;
  };
  const replaced = (random: Random, by: (token: string) => string): Uint8Array => {
    const chosen = pick(random, tokens);
    if (!chosen) return file;
    const { token, index } = chosen;
    return withJson(json.slice(0, index) + by(token) + json.slice(index + token.length), random() < 0.95);
  };
  const changed = (change: (copy: Uint8Array) => void) => {
    const copy = file.slice();
    change(copy);
    return copy;
  };
  return {
    'another value': (random) => replaced(random, () => pick(random, VALUES) ?? ''),
    'another number nearby': (random) =>
      replaced(random, (token) => (/^\d+$/.test(token) ? String(Number(token) + below(random, 5) - 2) : token)),
    'a token of elsewhere': (random) => replaced(random, () => pick(random, tokens)?.token ?? ''),
    'a token less': (random) => replaced(random, () => ''),
    'flipped bits': (random) =>
      changed((copy) => {
        for (let i = below(random, 4); i >= 0; i--) copy[below(random, copy.length)]! ^= 1 << below(random, 8);
      }),
    truncation: (random) => file.slice(0, below(random, file.length)),
  };
}
