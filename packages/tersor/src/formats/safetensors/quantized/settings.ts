import { type Fields, isFields } from '../../json-file.ts';
import { corrupt, unsupported } from './layer.ts';

/** What quantization_config says, checked where it is read. All throw FILE_CORRUPT or FILE_UNSUPPORTED. */

export function shown(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 60);
}

/** One of the numbers that are known. */
export function numberIn(settings: Fields, key: string, known: readonly number[]): number {
  const value = settings[key];
  const found = known.find((each) => each === value);
  if (found === undefined) throw unsupported(`${key} is ${shown(value)}`, `known are ${known.join(', ')}`);
  return found;
}

/** Inputs that share a scale; `row` for all of them. */
export function groupOf(value: unknown): number | 'row' {
  if (value === -1 || value === null || value === undefined) return 'row';
  if (typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 2 ** 24) return value;
  throw corrupt('quantization_config', `group_size is ${shown(value)}`);
}

/** One of the words that are known; `otherwise` where nothing is said. */
export function wordIn<const T extends string>(settings: Fields, key: string, known: readonly T[], otherwise: T): T {
  const value = settings[key] ?? otherwise;
  const word = typeof value === 'string' ? value.toLowerCase() : value;
  const found = known.find((each) => each === word);
  if (found === undefined) throw unsupported(`${key} is ${shown(value)}`, `known are ${known.join(', ')}`);
  return found;
}

export function isSet(settings: Fields, key: string): boolean {
  const value = settings[key];
  if (value === undefined || value === null || typeof value === 'boolean') return value === true;
  throw corrupt('quantization_config', `${key} is ${shown(value)}`);
}

export function fieldsIn(settings: Fields, key: string): Fields {
  const value = settings[key];
  if (isFields(value)) return value;
  throw corrupt('quantization_config', `${key} is ${shown(value)}`);
}
