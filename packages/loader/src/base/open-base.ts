import { type Chunk, type Header, readName } from '../container.ts';
import { cursorOf } from '../cursor.ts';
import type { Elements } from '../decode-chunk.ts';
import type { Decoder } from '../decoder.ts';
import { corrupt, TsrError } from '../error.ts';
import { type Memory, openMemory } from '../memory.ts';
import type { Bytes } from '../unpack.ts';
import { WASM } from './wasm.gen.ts';

/** A file that others are differences to. */
export interface Base {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: Uint8Array;
}

/** Chunks that are differences, decoded. */
export interface OnBase {
  /** @returns the chunk's bytes, a copy of its own @throws TsrError; what reading the base throws */
  decode(coded: Uint8Array, elements: Elements, chunk: Chunk): Promise<Uint8Array<ArrayBuffer>>;
  /** What of the base a chunk resembles, zeros where there is nothing: as many bytes as it has. */
  baseOf(chunk: Chunk, elements: Elements): Promise<Uint8Array>;
}

/** Bytes of a stream, and where in the base those lie that they resemble. */
interface Span {
  readonly bytes: number;
  /** Absent: nowhere, zeros stand for them. */
  readonly at?: number;
}

interface BasePlan {
  readonly files: readonly Base[];
  /** Of each stream, in order; for what they leave over there is no base. */
  readonly spans: readonly (readonly Span[])[];
}

const FORM = 6;
const HOW = { equal: 0, xor: 1, difference: 2, matches: 3, signs: 4 };

/** Compiled once; empty whenever nothing is decoded. */
let shared: Promise<Memory> | undefined;

/** The files that a file is a difference to, one behind the other; none where it is none. @throws TsrError */
export function readBase(header: Header): readonly Base[] {
  return header.base ? readPlan(header).files : [];
}

function readPlan({ base = new Uint8Array(), streams }: Header): BasePlan {
  const cursor = cursorOf(base);
  const files = Array.from({ length: cursor.number(cursor.left()) }, () => readName(cursor));
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  if (!Number.isSafeInteger(total)) throw corrupt('has too large a base');
  let end = 0;
  const spans = streams.map(({ width, bytes }) => {
    let left = bytes;
    return Array.from({ length: cursor.number(cursor.left()) }, (): Span => {
      const length = cursor.number(left / width) * width;
      left -= length;
      const move = cursor.number(2 * total + 2);
      if (move === 0) return { bytes: length };
      const at = end + (move % 2 === 1 ? (move - 1) / 2 : -move / 2);
      if (at < 0 || at + length > total) throw corrupt('is a difference to what is beyond its base');
      end = at + length;
      return { bytes: length, at };
    });
  });
  if (cursor.left() > 0) throw corrupt('has bytes behind its base');
  return { files, spans };
}

/**
 * Decodes chunks of a file that is a difference.
 * @param base  the files that `readBase` says, one behind the other; their digests have been compared
 * @throws TsrError where there is none, or it has another length
 */
export async function openBase(header: Header, base: Bytes, decoder: Decoder): Promise<OnBase> {
  const { files, spans } = readPlan(header);
  if (base.size !== files.reduce((sum, { bytes }) => sum + bytes, 0)) throw new TsrError('base', 'is a difference to another base');
  shared ??= openMemory(WASM);
  const memory = await shared;
  const spansOf = spansByChunk(header, spans);
  const baseOf: OnBase['baseOf'] = ({ offset }, { count, width }) => read(base, spansOf.get(offset) ?? [], count * width);
  return {
    baseOf,
    async decode(coded, elements, chunk) {
      if (coded[0] !== FORM) return decoder.decode(coded, elements);
      return decodeOn(memory, coded, elements, await baseOf(chunk, elements), decoder);
    },
  };
}

/** By where chunks lie: of those that lie in the same place the first one counts. */
function spansByChunk({ streams }: Header, spans: readonly (readonly Span[])[]): Map<number, readonly Span[]> {
  const found = new Map<number, readonly Span[]>();
  for (const [i, { chunks, width }] of streams.entries()) {
    const take = taker(spans[i] ?? []);
    for (const { count, offset } of chunks) {
      const own = take(count * width);
      if (!found.has(offset)) found.set(offset, own);
    }
  }
  return found;
}

function taker(spans: readonly Span[]): (bytes: number) => Span[] {
  let [index, used] = [0, 0];
  return (bytes) => {
    const taken: Span[] = [];
    for (let left = bytes; left > 0 && index < spans.length; ) {
      const { bytes: length, at } = spans[index]!;
      const part = Math.min(left, length - used);
      taken.push({ bytes: part, ...(at !== undefined && { at: at + used }) });
      left -= part;
      used += part;
      if (used === length) [index, used] = [index + 1, 0];
    }
    return taken;
  };
}

async function read(base: Bytes, spans: readonly Span[], length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let to = 0;
  for (const { bytes: size, at } of spans) {
    if (at !== undefined) bytes.set(await base.read(at, size), to);
    to += size;
  }
  return bytes;
}

function decodeOn(memory: Memory, coded: Uint8Array, elements: Elements, base: Uint8Array, decoder: Decoder): Uint8Array<ArrayBuffer> {
  const how = coded[1] ?? 255;
  const rest = coded.subarray(2);
  const { count, width, turned } = elements;
  if (how === HOW.equal) {
    if (rest.length > 0) throw corrupt('has bytes behind its end');
    return base.slice();
  }
  if (how === HOW.matches) return decoder.decode(rest, { ...elements, history: base });
  try {
    const baseAt = memory.put(base);
    if (how === HOW.signs) return signed(memory, baseAt, rest, elements, decoder);
    const besideAt = memory.reserve(count);
    memory.call('highest', baseAt, count, width, turned ? 1 : 0, besideAt);
    const beside = memory.bytes().slice(besideAt, besideAt + count);
    if (how !== HOW.xor && how !== HOW.difference)
      throw new TsrError('unsupported', `has differences of kind ${how}, which a later version knows`);
    const residuals = memory.put(decoder.decode(rest, { ...elements, turned: false, beside }));
    const output = memory.reserve(base.length);
    memory.call('addBase', residuals, baseAt, count, width, turned ? 1 : 0, how === HOW.xor ? 1 : 0, output);
    return memory.bytes().slice(output, output + base.length);
  } finally {
    memory.clear();
  }
}

/** The base's elements, plus or minus a number for all or for each row. */
function signed(memory: Memory, baseAt: number, coded: Uint8Array, elements: Elements, decoder: Decoder): Uint8Array<ArrayBuffer> {
  const { count, width, turned, columns } = elements;
  const cursor = cursorOf(coded);
  const [type, byRows] = [cursor.byte(), cursor.byte()];
  const lines = byRows ? count / columns : 1;
  if (!turned || type > 2 || width !== (type === 0 ? 4 : 2) || byRows > 1 || !Number.isInteger(lines))
    throw corrupt('signs that are of no floats');
  const scales = cursor.bytes(lines * 4);
  const plane = { count: Math.ceil(count / 8), width: 1, turned: false, columns: 0 };
  const signs = memory.put(decoder.decode(cursor.bytes(cursor.left()), plane));
  const output = memory.reserve(count * width);
  const view = new DataView(scales.buffer, scales.byteOffset);
  const length = count / lines;
  for (let i = 0; i < lines; i++)
    memory.call('addSigns', baseAt, signs, i * length, (i + 1) * length, type, view.getFloat32(4 * i, true), output);
  return memory.bytes().slice(output, output + count * width);
}
