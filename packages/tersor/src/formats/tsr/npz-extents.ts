import type { DType } from '../../core/dtype.ts';
import { denseBytes } from '../../core/dtype.ts';
import type { Source } from '../../core/source.ts';
import { denseType, type Extent } from './plan-streams.ts';

/** A zip's comment may be so long. */
const LONGEST_END = 22 + 65535;
/** Archives of more arrays exist in no known file. */
const MOST_ENTRIES = 100_000;
const MOST_DIRECTORY = 2 ** 26;
const [END, ENTRY, LOCAL] = [0x06054b50, 0x02014b50, 0x04034b50];

const TYPES: Readonly<Record<string, DType>> = {
  '<f8': 'f64',
  '<f4': 'f32',
  '<f2': 'f16',
  '<i8': 'i64',
  '<i4': 'i32',
  '<i2': 'i16',
  '|i1': 'i8',
  '<u8': 'u64',
  '<u4': 'u32',
  '<u2': 'u16',
  '|u1': 'u8',
  '|b1': 'bool',
};

/**
 * Where the arrays of an .npz file lie that are stored uncompressed, as numpy.savez does. Whatever is not understood is left out: its bytes are kept as they are.
 * Source: PKWARE's APPNOTE.TXT 6.3, sections 4.3.7, 4.3.12 and 4.3.16; numpy.lib.format
 */
export async function npzExtents(source: Source): Promise<Extent[]> {
  const extents: Extent[] = [];
  for (const { name, at, size } of await storedEntries(source)) {
    const array = await npyExtent(source, name, at, size);
    if (array) extents.push(array);
  }
  return extents;
}

interface Stored {
  readonly name: string;
  readonly at: number;
  readonly size: number;
}

async function storedEntries(source: Source): Promise<Stored[]> {
  const tail = await viewAt(source, Math.max(0, source.size - LONGEST_END), LONGEST_END);
  let end = tail.byteLength - 22;
  while (end >= 0 && tail.getUint32(end, true) !== END) end--;
  if (end < 0) return [];
  const [size, offset] = [tail.getUint32(end + 12, true), tail.getUint32(end + 16, true)];
  if (size > MOST_DIRECTORY) return [];
  const directory = await viewAt(source, offset, size);
  const stored: Stored[] = [];
  for (let at = 0, n = 0; at + 46 <= directory.byteLength && directory.getUint32(at, true) === ENTRY && n < MOST_ENTRIES; n++) {
    const [method, bytes, nameBytes] = [
      directory.getUint16(at + 10, true),
      directory.getUint32(at + 20, true),
      directory.getUint16(at + 28, true),
    ];
    const local = directory.getUint32(at + 42, true);
    const next = at + 46 + nameBytes + directory.getUint16(at + 30, true) + directory.getUint16(at + 32, true);
    if (next > directory.byteLength) break;
    const name = new TextDecoder().decode(new Uint8Array(directory.buffer, directory.byteOffset + at + 46, nameBytes));
    const header = await viewAt(source, local, 30);
    if (method === 0 && header.byteLength === 30 && header.getUint32(0, true) === LOCAL) {
      stored.push({ name, at: local + 30 + header.getUint16(26, true) + header.getUint16(28, true), size: bytes });
    }
    at = next;
  }
  return stored;
}

async function npyExtent(source: Source, name: string, at: number, size: number): Promise<Extent | undefined> {
  const start = await viewAt(source, at, 12);
  if (start.byteLength < 12 || start.getUint32(0) !== 0x934e554d || start.getUint16(4) !== 0x5059) return undefined;
  const isShort = start.getUint8(6) === 1;
  const length = isShort ? start.getUint16(8, true) : start.getUint32(8, true);
  const begin = (isShort ? 10 : 12) + length;
  if (length > 65536 || begin > size) return undefined;
  const text = new TextDecoder().decode(await viewAt(source, at + begin - length, length));
  const dtype = TYPES[/'descr': '([^']*)'/.exec(text)?.[1] ?? ''];
  const shape = /'shape': \(([^)]*)\)/
    .exec(text)?.[1]
    ?.split(',')
    .filter((part) => part.trim() !== '')
    .map(Number);
  if (!dtype || !shape || denseBytes(dtype, shape) !== size - begin) return undefined;
  return { name, offset: at + begin, bytes: size - begin, ...denseType(dtype, shape) };
}

/** At most `length` bytes from there; fewer at the end, none behind it. */
async function viewAt(source: Source, offset: number, length: number): Promise<DataView> {
  const bytes = await source.read(Math.min(offset, source.size), Math.max(0, Math.min(length, source.size - offset)));
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
