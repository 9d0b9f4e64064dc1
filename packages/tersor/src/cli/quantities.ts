import { TersorError } from '../core/error.ts';

/** A size as it was asked: in bytes, or as a share of the original. */
export type Size = { readonly bytes: number } | { readonly share: number };

/** Timers end there. */
const MAX_SECONDS = 24 * 86400;

const BYTES = { b: 1, kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12, kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30, tib: 2 ** 40 } as const;

/** "25MB", "300 kB", "1.5GiB", "25%". 1 MB is 10^6 bytes. @throws OPTION_VALUE */
export function parseSize(text: string, flag: string): Size {
  const share = parseWithUnit(text, '%');
  if (share !== undefined && share > 0 && share <= 100) return { share: share / 100 };
  const bytes = bytesIn(text);
  if (bytes !== undefined) return { bytes };
  throw wrong(flag, text, 'a size with its unit, such as 25MB or 300kB, or a share of the original, such as 25%');
}

/** "500MB". @throws OPTION_VALUE */
export function parseBytes(text: string, flag: string): number {
  const bytes = bytesIn(text);
  if (bytes !== undefined) return bytes;
  throw wrong(flag, text, 'a size with its unit, such as 500MB or 2GB');
}

/** "1%" or "0.01". A bare number of 1 and more could mean either and is refused. @throws OPTION_VALUE */
export function parseShare(text: string, flag: string): number {
  const percent = parseWithUnit(text, '%');
  if (percent !== undefined && percent <= 100) return percent / 100;
  const share = parseWithUnit(text, '');
  if (share !== undefined && share < 1) return share;
  throw wrong(flag, text, 'a percentage such as 1%, or a share below 1 such as 0.01');
}

/** "0.8x", "80%" or "0.8". @throws OPTION_VALUE */
export function parseRatio(text: string, flag: string): number {
  const percent = parseWithUnit(text, '%');
  const ratio = percent === undefined ? (parseWithUnit(text, 'x') ?? parseWithUnit(text, '')) : percent / 100;
  if (ratio !== undefined && ratio > 0) return ratio;
  throw wrong(flag, text, 'a ratio to the original, such as 0.8x or 80%');
}

/** "90s", "10m", "1.5h", in seconds. @throws OPTION_VALUE */
export function parseDuration(text: string, flag: string): number {
  const seconds =
    (parseWithUnit(text, 'h') ?? Number.NaN) * 3600 || (parseWithUnit(text, 'm') ?? Number.NaN) * 60 || parseWithUnit(text, 's');
  if (seconds !== undefined && seconds > 0 && seconds <= MAX_SECONDS) return seconds;
  throw wrong(flag, text, 'a time with its unit, such as 90s, 10m or 1h');
}

/** @throws OPTION_VALUE */
export function parseInteger(text: string, flag: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw wrong(flag, text, `a whole number from ${min} to ${max}`);
}

/** The bytes that a size allows for a model of `original` bytes. */
export function resolveSize(size: Size, original: number): number {
  return 'bytes' in size ? size.bytes : Math.floor(size.share * original);
}

function bytesIn(text: string): number | undefined {
  const { number, unit } = /^(?<number>\d*\.?\d+)\s*(?<unit>[a-z]+)$/i.exec(text.trim())?.groups ?? {};
  if (number === undefined || unit === undefined) return undefined;
  const scale = new Map<string, number>(Object.entries(BYTES)).get(unit.toLowerCase());
  const bytes = scale === undefined ? 0 : Math.floor(Number(number) * scale);
  return bytes > 0 && bytes <= Number.MAX_SAFE_INTEGER ? bytes : undefined;
}

function parseWithUnit(text: string, unit: '%' | 'x' | 's' | 'm' | 'h' | ''): number | undefined {
  const trimmed = text.trim().toLowerCase();
  if (!trimmed.endsWith(unit)) return undefined;
  const digits = trimmed.slice(0, trimmed.length - unit.length).trimEnd();
  return /^\d*\.?\d+$/.test(digits) ? Number(digits) : undefined;
}

function wrong(flag: string, text: string, expects: string): TersorError {
  return new TersorError('OPTION_VALUE', flag, `"${text}"`, `it takes ${expects}`);
}
