import { type Cursor, cursorOf } from './cursor.ts';
import { corrupt, later } from './error.ts';
import { readFrequencies } from './frequencies.ts';
import type { Memory } from './memory.ts';

/** What a chunk decodes to. */
export interface Elements {
  readonly count: number;
  /** Bytes of one element: 1, 2, 4 or 8. */
  readonly width: number;
  /** Floats: turned left by one bit before they were taken apart. Never with a width of 1. */
  readonly turned: boolean;
  /** Elements in a row; 0 when they are no matrix. */
  readonly columns: number;
  /** Bytes that are known, one in the place of each element, which tell the highest plane's classes. */
  readonly beside?: Uint8Array;
  /** Elements that are known, which matches may copy as if they came before. */
  readonly history?: Uint8Array;
}

/** Forms contain each other at most so deep. */
const DEEPEST = 4;
const SHORTEST_MATCH = 1;
const MOST_NUMBER = 57;
const TABLE_BYTES = 16384;
const CONTEXT_BYTES = 1024;
/** More than the model of levels takes, but for eight bytes a place of a line. */
const LEVELS_BYTES = 2 ** 21;

/** Decodes a chunk. @returns where its bytes lie in `memory` @throws corrupt */
export function decodeChunk(memory: Memory, coded: Uint8Array, elements: Elements): number {
  const cursor = cursorOf(coded);
  const { beside } = elements;
  const at = form(memory, cursor, { ...elements, besideAt: beside ? memory.put(beside) : 0 }, 0);
  if (cursor.left() > 0) throw corrupt();
  return at;
}

interface Known extends Elements {
  /** Where the bytes beside lie; 0: there are none. */
  readonly besideAt: number;
}

function form(memory: Memory, cursor: Cursor, elements: Known, depth: number): number {
  if (depth > DEEPEST) throw corrupt();
  const kind = cursor.byte();
  if (kind === 0) return planes(memory, cursor, elements);
  if (kind === 1) return palette(memory, cursor, elements);
  if (kind === 2) return sparse(memory, cursor, elements, depth);
  if (kind === 3) return matches(memory, cursor, elements, depth);
  if (kind === 4) return form(memory, cursor, { ...PLAIN, count: elements.count * elements.width, width: 1 }, depth + 1);
  if (kind === 5) return levels(memory, cursor, elements);
  throw later(`form ${kind}`);
}

const PLAIN = { turned: false, columns: 0, besideAt: 0 };

/** From the highest byte of all elements to the lowest. */
function planes(memory: Memory, cursor: Cursor, { count, width, turned, columns, besideAt }: Known): number {
  const stride = aligned(count) + 16;
  const at = memory.reserve(stride * width);
  for (let k = width - 1; k >= 0; k--) {
    plane(memory, cursor, count, at + k * stride, { columns, beside: besideAt, before: k < width - 1 ? at + (k + 1) * stride : besideAt });
  }
  if (width === 1) return at;
  const output = memory.reserve(count * width + 64);
  memory.call('joinPlanes', at, stride, count, width, turned ? 1 : 0, output);
  return output;
}

function palette(memory: Memory, cursor: Cursor, { count, width, columns, besideAt }: Known): number {
  const entries = cursor.byte() + 1;
  const colors = memory.put(cursor.bytes(entries * width));
  const indices = memory.reserve(aligned(count) + 16);
  plane(memory, cursor, count, indices, { columns, beside: 0, before: besideAt });
  if (Number(memory.call('largest', indices, count)) >= entries) throw corrupt();
  const output = memory.reserve(count * width + 64);
  memory.call('expandPalette', indices, count, colors, width, output);
  return output;
}

function sparse(memory: Memory, cursor: Cursor, { count, width, turned }: Elements, depth: number): number {
  const present = cursor.number(count);
  const bytes = Math.ceil(count / 8);
  const mask = memory.reserve(aligned(bytes) + 16);
  plane(memory, cursor, bytes, mask, NOTHING);
  const values = form(memory, cursor, { ...PLAIN, count: present, width, turned }, depth + 1);
  const output = memory.reserve(count * width + 64);
  memory.bytes().fill(0, output, output + count * width);
  if (memory.call('expandMask', mask, count, values, present, width, output) !== present) throw corrupt();
  return output;
}

function matches(memory: Memory, cursor: Cursor, { count, width, turned, history }: Known, depth: number): number {
  const sequences = cursor.number(count);
  const literals = cursor.number(count);
  const values = form(memory, cursor, { ...PLAIN, count: literals, width, turned }, depth + 1);
  const stride = aligned(sequences) + 16;
  const codes = memory.reserve(stride * 3);
  for (const [k, most] of [MOST_NUMBER, MOST_NUMBER, MOST_NUMBER + 3].entries()) {
    plane(memory, cursor, sequences, codes + k * stride, NOTHING);
    if (Number(memory.call('largest', codes + k * stride, sequences)) > most) throw corrupt();
  }
  const bits = cursor.bytes(cursor.number(cursor.left()));
  const extra = memory.put(bits);
  const known = history?.length ?? 0;
  const begin = memory.reserve(known + count * width + 64);
  if (history) memory.bytes().set(history, begin);
  const output = begin + known;
  const [valuesEnd, outputEnd] = [values + literals * width, output + count * width];
  const status = memory.call(
    'expandMatches',
    codes,
    stride,
    sequences,
    extra,
    extra + bits.length,
    values,
    valuesEnd,
    SHORTEST_MATCH,
    width,
    begin,
    output,
    outputEnd,
  );
  if (status !== 0) throw corrupt();
  return output;
}

/** Numbers of a quantizer, line by line: rows, or columns. */
function levels(memory: Memory, cursor: Cursor, { count, width, turned, columns }: Elements): number {
  const flags = cursor.byte();
  if (turned || width > 2 || columns === 0 || count % columns !== 0 || flags > 3) throw corrupt();
  const bytes = cursor.bytes(cursor.number(cursor.left()));
  const rows = count / columns;
  const byColumns = flags > 1;
  const [lines, length, lineStride, stride] = byColumns ? [columns, rows, 1, columns] : [rows, columns, columns, 1];
  const model = memory.reserve(LEVELS_BYTES + length * 8);
  const output = memory.reserve(count * width + 64);
  const from = memory.put(bytes);
  const end = from + bytes.length;
  if (memory.call('decodeLevels', from, end, width, lines, length, lineStride, stride, flags % 2, model, output) !== end) throw corrupt();
  return output;
}

interface Around {
  readonly columns: number;
  /** Where the plane above lies, or above the highest one the bytes beside; 0: there is none. */
  readonly before: number;
  readonly beside: number;
}

const NOTHING: Around = { columns: 0, before: 0, beside: 0 };

/** Decodes a plane of `count` bytes to `output`. */
function plane(memory: Memory, cursor: Cursor, count: number, output: number, around: Around): void {
  if (count === 0) return;
  const mode = cursor.byte();
  if (mode === 0) memory.bytes().set(cursor.bytes(count), output);
  else if (mode === 1) memory.bytes().fill(cursor.byte(), output, output + count);
  else if (mode === 2) coded(memory, cursor, count, output, around);
  else if (mode === 3) adaptive(memory, cursor, count, output, around);
  else throw corrupt();
}

function coded(memory: Memory, cursor: Cursor, count: number, output: number, around: Around): void {
  const { tables, classes } = classesOf(memory, cursor, count, around);
  const table = memory.reserve(tables * TABLE_BYTES);
  const scratch = memory.reserve(512);
  for (let i = 0; i < tables; i++) {
    const frequencies = readFrequencies(cursor);
    memory.bytes().set(new Uint8Array(frequencies.buffer), scratch);
    memory.call('buildTable', scratch, table + i * TABLE_BYTES);
  }
  const words = cursor.bytes(cursor.number(cursor.left()));
  const from = memory.put(words);
  const end = from + words.length;
  if (memory.call('decodeRans', from, end, count, table, classes, output) !== end) throw corrupt();
}

function adaptive(memory: Memory, cursor: Cursor, count: number, output: number, around: Around): void {
  const { tables, classes } = classesOf(memory, cursor, count, around);
  const contexts = memory.reserve(tables * CONTEXT_BYTES);
  const bytes = cursor.bytes(cursor.number(cursor.left()));
  const from = memory.put(bytes);
  const end = from + bytes.length;
  if (memory.call('decodeAdaptive', from, end, count, contexts, tables, classes, output) !== end) throw corrupt();
}

/** Which table each symbol has: one for all, by a grid of rows and columns, by the plane above, or by that and the bytes beside. */
function classesOf(
  memory: Memory,
  cursor: Cursor,
  count: number,
  { columns, before, beside }: Around,
): { tables: number; classes: number } {
  const kind = cursor.byte();
  if (kind === 0) return { tables: 1, classes: 0 };
  if (!(kind === 1 ? columns : kind === 2 ? before : kind === 3 && beside)) throw corrupt();
  const classes = memory.reserve(aligned(count) + 16);
  const first = cursor.byte();
  const second = kind === 2 ? 1 : cursor.byte();
  const tables = first * second;
  if (tables < 2 || tables > 16) throw corrupt();
  const byFirst = namedClasses(memory, cursor, kind === 1 ? Math.ceil(count / columns) : 256, first);
  if (kind === 2) memory.call('mapClasses', before, byFirst, count, classes);
  else {
    const bySecond = namedClasses(memory, cursor, kind === 1 ? columns : 256, second);
    if (kind === 1) memory.call('gridClasses', byFirst, bySecond, columns, second, count, classes);
    else memory.call('pairClasses', beside, byFirst, before, bySecond, second, count, classes);
  }
  return { tables, classes };
}

/** A plane of classes below `most`. */
function namedClasses(memory: Memory, cursor: Cursor, count: number, most: number): number {
  const at = memory.reserve(aligned(count) + 16);
  plane(memory, cursor, count, at, NOTHING);
  if (Number(memory.call('largest', at, count)) >= most) throw corrupt();
  return at;
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / 16) * 16;
}
