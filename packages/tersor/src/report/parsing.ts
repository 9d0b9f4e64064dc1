import { TersorError } from '../core/error.ts';

/** Parts of JSON that comes from anybody: each gives what it expects, or says where something else is. All throw REPORT_INVALID. */
export type Fields = Readonly<Record<string, unknown>>;

export function record(value: unknown, where: string): Fields {
  if (isRecord(value)) return value;
  throw expected(where, value, 'an object');
}

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function list(value: unknown, where: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw expected(where, value, 'a list');
}

export function text(value: unknown, where: string): string {
  if (typeof value === 'string') return value;
  throw expected(where, value, 'text');
}

export function count(value: unknown, where: string, most = Number.MAX_SAFE_INTEGER): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= most) return value;
  throw expected(where, value, `a whole number from 0 to ${most}`);
}

export function amount(value: unknown, where: string): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value;
  throw expected(where, value, 'a number from 0');
}

export function hash(value: unknown, where: string): string {
  if (typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)) return value;
  throw expected(where, value, '64 hexadecimal digits');
}

export function oneOf<const T extends string>(values: readonly T[], value: unknown, where: string): T {
  const known = values.find((each) => each === value);
  if (known !== undefined) return known;
  throw expected(where, value, values.join(' | '));
}

function expected(where: string, value: unknown, what: string): TersorError {
  const shown = value === undefined ? 'is missing' : `is ${(JSON.stringify(value) ?? String(value)).slice(0, 60)}`;
  return invalid(where, shown, `it is ${what}; see schema/report.schema.json of the package`);
}

export function invalid(where: string, what: string, hint: string): TersorError {
  return new TersorError('REPORT_INVALID', where, what, hint);
}
