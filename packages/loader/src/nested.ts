import type { Chunk, Header, Stream } from './container.ts';
import { cursorOf } from './cursor.ts';
import type { Decoder } from './decoder.ts';
import { corrupt } from './error.ts';
import { roomFor } from './room.ts';

/** A weight whose bits come depth by depth. */
interface NestedWeight {
  /** Elements that follow each other on one line, and how many lines there are before they begin again. */
  readonly inner: number;
  readonly lines: number;
}

/** How far a file may be read. */
export interface Depth {
  readonly bits: number;
  /** Of the file, as it is at this depth. */
  readonly sha256: Uint8Array;
  /** Where its last chunk ends. */
  readonly end: number;
}

/** What a file says of its bits. */
export interface Nested {
  /** The least bits first. */
  readonly depths: readonly Depth[];
  readonly trees: number;
  /** Depths that the trees tell apart; at one more every code stands for itself. */
  readonly tables: number;
  readonly weights: readonly NestedWeight[];
  /** Streams that are read before: the last two of them are the trees and the classes of lines. */
  readonly plain: number;
}

/** Of a header that has some. @throws TsrError */
export function readNested({ nested = new Uint8Array(), streams, dataStart }: Header): Nested {
  const cursor = cursorOf(nested);
  const [trees, tables, count] = [cursor.number(255), cursor.number(8), cursor.number(8)];
  const said = Array.from({ length: count }, () => ({ bits: cursor.byte(), sha256: cursor.bytes(32) }));
  const weights = Array.from({ length: cursor.number(streams.length) }, () => ({
    inner: cursor.number(2 ** 32),
    lines: cursor.number(2 ** 32),
  }));
  const plain = streams.length - count * weights.length;
  if (cursor.left() > 0 || plain < 2 || count < 1 || count > tables + 1) throw corrupt();
  const depths = said.map((each, d) => {
    const last = streams.slice(0, plain + (d + 1) * weights.length).flatMap(({ chunks }) => chunks);
    return { ...each, end: last.reduce((end, { offset, length }) => Math.max(end, offset + length), dataStart) };
  });
  const bytesOf = (stream: number) => streams[stream]?.bytes;
  const lines = weights.reduce((sum, each) => sum + each.lines, 0);
  const isRight =
    bytesOf(plain - 2) === trees * tables * 256 &&
    bytesOf(plain - 1) === lines &&
    streams.slice(plain - 2).every(({ width }) => width === 1) &&
    streams.slice(plain).every(({ bytes, chunks }, i) => {
      const first = streams[plain + (i % weights.length)]!;
      return bytes === first.bytes && chunks.every(({ count: elements }, k) => elements === first.chunks[k]?.count);
    }) &&
    weights.every(({ inner, lines: own }, i) => inner > 0 && own > 0 && Number.isInteger((bytesOf(plain + i) ?? 0) / inner / own));
  if (!isRight) throw corrupt();
  return { depths, trees, tables, weights, plain };
}

/**
 * Puts bits to those that are there.
 * @param known  codes as they are at the depth before; zeros at first. Changed in place
 * @param at  the place of the first one in its weight
 */
export type Refine = (coded: Uint8Array, stream: Stream, known: Uint8Array, weight: number, at: number, depth: number) => void;

/** @param tables  the stream of the trees @param classes  that of the lines' */
function refiner({ trees, tables, weights }: Nested, tablesOf: Uint8Array, classes: Uint8Array, decoder: Decoder): Refine {
  if (classes.some((each) => each >= trees)) throw corrupt();
  const starts: number[] = [];
  weights.reduce((sum, { lines }) => {
    starts.push(sum);
    return sum + lines;
  }, 0);
  let [step, current] = [new Int16Array(), -1] as [Int16Array, number];
  return (coded, { columns }, known, weight, at, depth) => {
    const symbols = decoder.decode(coded, { count: known.length, width: 1, turned: false, columns, beside: known });
    const { inner, lines } = weights[weight]!;
    if (depth !== current) [step, current] = [stepOf(tablesOf, trees, tables, depth), depth];
    const start = starts[weight]!;
    for (let i = 0; i < known.length; i++) {
      const line = Math.floor((at + i) / inner) % lines;
      const next = step[(classes[start + line]! << 16) | (known[i]! << 8) | symbols[i]!]!;
      if (next < 0) throw corrupt();
      known[i] = next;
    }
  };
}

/** What becomes of a code of the depth before, by tree, code and symbol: the symbols count its codes of this depth, from the least. -1: nothing does. */
function stepOf(tables: Uint8Array, trees: number, count: number, depth: number): Int16Array {
  const step = new Int16Array(trees << 16).fill(-1);
  for (let tree = 0; tree < trees; tree++) {
    const codeAt = (of: number, code: number) => (of < 0 ? 0 : of === count ? code : tables[(tree * count + of) * 256 + code]!);
    const found = new Map<number, Set<number>>();
    for (let code = 0; code < 256; code++) {
      const before = codeAt(depth - 1, code);
      const own = found.get(before) ?? new Set();
      found.set(before, own.add(codeAt(depth, code)));
    }
    for (const [before, own] of found)
      for (const [symbol, code] of [...own].sort((a, b) => a - b).entries()) step[(tree << 16) | (before << 8) | symbol] = code;
  }
  return step;
}

/** Hands out exactly as many bytes as are asked for, the next ones. */
type Take = (length: number) => Promise<Uint8Array>;

/** A file as it is at a depth: the same bytes each time, changed in place. */
export interface AtDepth extends Depth {
  readonly file: Uint8Array<ArrayBuffer>;
  /** There are no more bits in the container. */
  readonly isLast: boolean;
}

/**
 * Decodes a file depth by depth, as far as it goes; at each one it is what was packed, or an error.
 * @param take  the chunks, from the first on
 * @param fileBytes  how long the container is; undefined where that is not known: whole
 * @throws TsrError
 */
export async function* placeNested(header: Header, take: Take, decoder: Decoder, fileBytes?: number): AsyncGenerator<AtDepth> {
  const nested = readNested(header);
  const { plain, weights, depths } = nested;
  const { streams, pieces } = header;
  const last = fileBytes === undefined ? depths.length - 1 : depths.findIndex((depth) => depth.end === fileBytes);
  if (last < 0) throw corrupt('ends where no depth does');
  const file = roomFor(header.file.bytes);
  const places = streams.map((): { at: number; bytes: number }[] => []);
  let end = 0;
  for (const { stream, bytes } of pieces) {
    places[stream]?.push({ at: end, bytes });
    end += bytes;
  }
  const chunkOf = async (chunk: Chunk): Promise<Uint8Array> => {
    const coded = await take(chunk.length);
    if (decoder.crc32c(coded) !== chunk.crc32c)
      throw corrupt(`is damaged between bytes ${chunk.offset} and ${chunk.offset + chunk.length}`);
    return coded;
  };
  const wholes: Uint8Array[] = [];
  const decoded = new Map<number, Uint8Array>();
  for (const [i, { chunks, width, turned, columns, bytes }] of streams.slice(0, plain).entries()) {
    const whole = new Uint8Array(bytes);
    let at = 0;
    for (const chunk of chunks) {
      const part = decoded.get(chunk.offset) ?? decoder.decode(await chunkOf(chunk), { count: chunk.count, width, turned, columns });
      decoded.set(chunk.offset, part);
      whole.set(part, at);
      at += part.length;
    }
    at = 0;
    for (const place of places[i]!) {
      file.set(whole.subarray(at, at + place.bytes), place.at);
      at += place.bytes;
    }
    wholes.push(whole);
  }
  decoded.clear();
  const refine = refiner(nested, wholes[plain - 2]!, wholes[plain - 1]!, decoder);
  for (const [d, depth] of depths.slice(0, last + 1).entries()) {
    for (let weight = 0; weight < weights.length; weight++) {
      const stream = streams[plain + d * weights.length + weight]!;
      const [place, ...others] = places[plain + weight]!;
      if (!place || others.length > 0) throw corrupt();
      let at = 0;
      for (const chunk of stream.chunks) {
        refine(await chunkOf(chunk), stream, file.subarray(place.at + at, place.at + at + chunk.count), weight, at, d);
        at += chunk.count;
      }
    }
    const digest = decoder.sha256();
    digest.update(file);
    if (digest.digest().some((byte, i) => byte !== depth.sha256[i])) throw corrupt('holds another file than it says');
    yield { ...depth, file, isLast: d === last };
  }
}
