import { type DType, denseBytes, elementsOf, type Shape } from '../../core/dtype.ts';
import { TersorError } from '../../core/error.ts';
import type { Source } from '../../core/source.ts';
import { MAX_HEADER_BYTES, MAX_RANK, MAX_TENSORS } from './limits.ts';
import { type Scanner, scanJson } from './scan-json.ts';

/** Names of element types, by ours. */
const NAMES: ReadonlyMap<DType, string> = new Map([
  ['bool', 'BOOL'],
  ['u8', 'U8'],
  ['i8', 'I8'],
  ['u16', 'U16'],
  ['i16', 'I16'],
  ['u32', 'U32'],
  ['i32', 'I32'],
  ['u64', 'U64'],
  ['i64', 'I64'],
  ['f8e4m3', 'F8_E4M3'],
  ['f8e5m2', 'F8_E5M2'],
  ['f8e4m3uz', 'F8_E4M3FNUZ'],
  ['f8e5m2uz', 'F8_E5M2FNUZ'],
  ['f8e8m0', 'F8_E8M0'],
  ['f4e2m1', 'F4'],
  ['f16', 'F16'],
  ['bf16', 'BF16'],
  ['f32', 'F32'],
  ['f64', 'F64'],
  ['c64', 'C64'],
]);

const DTYPES: ReadonlyMap<string, DType> = new Map([...NAMES].map(([dtype, name]) => [name, dtype]));

/** A tensor as the header tells of it. Offsets count from the end of the header. */
export interface Entry {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  readonly metadata: ReadonlyMap<string, string>;
  readonly tensors: ReadonlyMap<string, Entry>;
  /** Where the values begin. */
  readonly dataStart: number;
}

/** How a type is called in a header; undefined when there is no name for it. */
export function nameOfType(dtype: DType): string | undefined {
  return NAMES.get(dtype);
}

/**
 * Reads the header of a safetensors file; no values.
 *
 * Guarantee: every entry lies in the file, has as many bytes as type and shape say, and shares none with another; together they fill the file.
 * @throws FILE_CORRUPT, FILE_LIMIT, FILE_UNSUPPORTED for an element type of a later version
 * Source: https://github.com/huggingface/safetensors#format
 */
export async function readHeader(source: Source): Promise<Header> {
  const { name, size } = source;
  if (size < 8) throw corrupt(name, `has ${size} bytes: too few for a header`);
  const length = Number(viewOf(await source.read(0, 8)).getBigUint64(0, true));
  if (length > MAX_HEADER_BYTES) {
    throw new TersorError(
      'FILE_LIMIT',
      name,
      `says that its header takes ${length} bytes`,
      `at most ${MAX_HEADER_BYTES} are read: is this a safetensors file?`,
    );
  }
  const dataStart = 8 + length;
  if (dataStart > size) throw corrupt(name, `says that its header takes ${length} bytes, and has ${size} in all`);
  const { metadata, tensors } = parseHeader(decodeText(await source.read(8, length), name), name);
  checkPlaces(tensors, size - dataStart, name);
  return { metadata, tensors, dataStart };
}

function decodeText(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw corrupt(where, 'has a header that is no text');
  }
}

function parseHeader(json: string, where: string): Pick<Header, 'metadata' | 'tensors'> {
  const metadata = new Map<string, string>();
  const tensors = new Map<string, Entry>();
  const scanner = scanJson(json, `${where}, header`);
  scanner.object((name) => {
    if (name === '__metadata__') scanner.object((key) => void metadata.set(key, scanner.text()));
    else tensors.set(name, readEntry(scanner, `${where}, tensor ${JSON.stringify(name.slice(0, 80))}`));
    if (tensors.size > MAX_TENSORS) throw new TersorError('FILE_LIMIT', where, `has more than ${MAX_TENSORS} tensors`, 'split it');
  });
  scanner.end();
  return { metadata, tensors };
}

function readEntry(scanner: Scanner, where: string): Entry {
  let type: string | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  const counts = (most: number): number[] => {
    const list: number[] = [];
    scanner.array(() => {
      if (list.length === most)
        throw new TersorError('FILE_LIMIT', where, `a list of more than ${most} numbers`, 'no honest file has that');
      list.push(scanner.count());
    });
    return list;
  };
  scanner.object((key) => {
    if (key === 'dtype') type = scanner.text();
    else if (key === 'shape') shape = counts(MAX_RANK);
    else if (key === 'data_offsets') offsets = counts(2);
    else throw corrupt(where, `has "${key.slice(0, 80)}", which this version of the format does not know`);
  });
  const [begin, end] = offsets ?? [];
  if (type === undefined || !shape || begin === undefined || end === undefined)
    throw corrupt(where, 'lacks its dtype, shape or data_offsets');
  const dtype = DTYPES.get(type);
  if (!dtype) {
    throw new TersorError(
      'FILE_UNSUPPORTED',
      where,
      `holds elements of type "${type.slice(0, 20)}"`,
      `known are ${[...DTYPES.keys()].join(', ')}`,
    );
  }
  // a product that passes 2^53 is inexact, but then larger than any file, too
  const bytes = elementsOf(shape) === 0 ? 0 : denseBytes(dtype, shape);
  if (end - begin !== bytes) throw corrupt(where, `${type} [${shape}] takes ${bytes} bytes, and has those from ${begin} to ${end}`);
  return { dtype, shape, begin, end };
}

/** Values that overlap or leave gaps hide something, and are refused by the reference implementation as well. */
function checkPlaces(tensors: Header['tensors'], size: number, where: string): void {
  let end = 0;
  for (const [name, entry] of inOrder(tensors)) {
    if (entry.begin !== end) {
      const how = entry.begin < end ? 'overlaps with another' : 'leaves a gap before it';
      throw corrupt(where, `tensor ${JSON.stringify(name.slice(0, 80))} begins at ${entry.begin}, where ${end} is expected: it ${how}`);
    }
    end = entry.end;
  }
  if (end !== size) throw corrupt(where, `its tensors take ${end} bytes, and ${size} follow the header`);
}

/** Entries as their values lie in the file. */
export function inOrder(tensors: Header['tensors']): [string, Entry][] {
  return [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
}

/**
 * The bytes of a header, its length before it, padded with blanks so that values begin at a multiple of 8.
 * @param tensors  in the order in which they are named
 */
export function encodeHeader({ metadata, tensors }: Pick<Header, 'metadata' | 'tensors'>): Uint8Array {
  const named = [...tensors].map(([name, { dtype, shape, begin, end }]) => {
    return [name, { dtype: nameOfType(dtype), shape, data_offsets: [begin, end] }] as const;
  });
  // not from one object: keys like "0" would move to its front
  const pairs: (readonly [string, unknown])[] = [...(metadata.size > 0 ? [['__metadata__', undefined] as const] : []), ...named];
  const json = `{${pairs.map(([key, value]) => `${JSON.stringify(key)}:${value === undefined ? encodePairs(metadata) : JSON.stringify(value)}`).join(',')}}`;
  const text = new TextEncoder().encode(json);
  const length = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(8 + length).fill(0x20);
  viewOf(bytes).setBigUint64(0, BigInt(length), true);
  bytes.set(text, 8);
  return bytes;
}

function encodePairs(pairs: ReadonlyMap<string, string>): string {
  return `{${[...pairs].map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`;
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

function corrupt(where: string, what: string): TersorError {
  return new TersorError('FILE_CORRUPT', where, what, 'fetch or save it again');
}
