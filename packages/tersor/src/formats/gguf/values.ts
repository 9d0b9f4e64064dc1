import type { Source } from '../../core/source.ts';
import { concatenated, type Entry, encodeCount, encodeText, encodeValue, typeNumber, type ValueType } from './metadata.ts';

type PlainType = Exclude<ValueType, 'array'>;

/** Metadata that come from no file: as the reader would give them, had they been in one. */

export function scalar(type: PlainType, value: number | boolean | string): Entry {
  return entryOf(type, String(value), encodeValue(type, String(value)));
}

export function texts(values: readonly string[]): Entry {
  return arrayOf('string', values.map(encodeText));
}

export function numbers(type: Exclude<PlainType, 'string'>, values: readonly number[]): Entry {
  return arrayOf(
    type,
    values.map((value) => encodeValue(type, String(value))),
  );
}

function arrayOf(type: PlainType, elements: readonly Uint8Array[]): Entry {
  const head = new Uint8Array(4);
  head[0] = typeNumber(type);
  return entryOf('array', `${elements.length} × ${type}`, concatenated([head, encodeCount(elements.length), ...elements]));
}

function entryOf(type: ValueType, text: string, bytes: Uint8Array): Entry {
  const source: Source = {
    name: 'metadata',
    size: bytes.length,
    read: async (offset, length) => bytes.subarray(offset, offset + length),
  };
  return { type, text, range: { source, offset: 0, length: bytes.length } };
}
