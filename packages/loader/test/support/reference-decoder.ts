import { addBase, highestBytes } from '../../../tersor/src/kernels/reference/base.ts';
import { goThroughLevels } from '../../../tersor/src/kernels/reference/levels.ts';
import { bitsOf, FLOATS, valuesOf } from '../../../tersor/src/kernels/reference/signs.ts';
import { type Cursor, cursorOf } from '../../src/cursor.ts';
import type { Elements } from '../../src/decode-chunk.ts';
import { readFrequencies } from '../../src/frequencies.ts';

/**
 * A chunk decoded as docs/tsr.md says, without WebAssembly and without haste. It trusts the chunk.
 * @param base  of a file that is a difference, what the chunk resembles
 */
export function referenceDecode(coded: Uint8Array, elements: Elements, base?: Uint8Array): Uint8Array {
  const cursor = cursorOf(coded);
  return base && coded[0] === 6 ? onBase(cursor, elements, base) : form(cursor, elements);
}

function onBase(cursor: Cursor, elements: Elements, base: Uint8Array): Uint8Array {
  cursor.byte();
  const how = cursor.byte();
  if (how === 0) return base;
  if (how === 3) return form(cursor, { ...elements, history: base });
  if (how === 4) return signed(cursor, elements, base);
  const { width, turned } = elements;
  const beside = highestBytes(base, width, turned);
  const residuals = form(cursor, { ...elements, turned: false, beside });
  return addBase(residuals, base, width, turned, how === 1 ? 'xor' : 'difference');
}

function signed(cursor: Cursor, { count, columns }: Elements, base: Uint8Array): Uint8Array {
  const type = FLOATS[cursor.byte()]!;
  const length = cursor.byte() === 0 ? count : columns;
  const scales = new Float32Array(cursor.bytes((4 * count) / length).slice().buffer);
  const signs = form(cursor, { count: Math.ceil(count / 8), width: 1, turned: false, columns: 0 });
  const sums = valuesOf(base, type).map((value, i) => value + scales[Math.floor(i / length)]! * ((signs[i >> 3]! >> (i & 7)) & 1 ? -1 : 1));
  const bits = bitsOf(sums, type);
  return new Uint8Array(bits.buffer, bits.byteOffset, bits.byteLength);
}

function form(cursor: Cursor, elements: Elements): Uint8Array {
  const { count, width } = elements;
  const kind = cursor.byte();
  if (kind === 1) {
    const colors = cursor.byte() + 1;
    const palette = cursor.bytes(colors * width);
    const indices = plane(cursor, count, elements.columns, elements.beside);
    return concatenate([...indices].map((index) => palette.subarray(index * width, (index + 1) * width)));
  }
  if (kind === 2) {
    const present = cursor.number(count);
    const mask = plane(cursor, Math.ceil(count / 8), 0);
    const values = form(cursor, { count: present, width, turned: elements.turned, columns: 0 });
    let used = 0;
    const parts = Array.from({ length: count }, (_, i) => {
      if (((mask[i >> 3]! >> (i % 8)) & 1) === 0) return new Uint8Array(width);
      used++;
      return values.subarray((used - 1) * width, used * width);
    });
    return concatenate(parts);
  }
  if (kind === 3) return matches(cursor, elements);
  if (kind === 5) return levels(cursor, elements);
  if (kind === 4) return form(cursor, { count: count * width, width: 1, turned: false, columns: 0 });
  return planes(cursor, elements);
}

function levels(cursor: Cursor, { count, width, columns }: Elements): Uint8Array {
  const flags = cursor.byte();
  const bytes = cursor.bytes(cursor.number(cursor.left()));
  const found = width === 1 ? new Int8Array(count) : new Int16Array(count);
  const [rows, isTrellis] = [count / columns, flags % 2 === 1];
  const order =
    flags < 2
      ? { lines: rows, length: columns, lineStride: columns, stride: 1, isTrellis }
      : { lines: columns, length: rows, lineStride: 1, stride: columns, isTrellis };
  let [low, high, code, at] = [0, 2 ** 32 - 1, 0, 0];
  const shift = () => {
    code = (code % 2 ** 24) * 256 + bytes[at++]!;
  };
  for (let i = 0; i < 4; i++) shift();
  goThroughLevels(found, order, (_, { probability, learn }) => {
    const range = high - low;
    const part = low + Math.floor(range / 65536) * probability + Math.floor(((range % 65536) * probability) / 65536);
    const bit = code <= part ? 1 : 0;
    if (bit === 1) high = part;
    else low = part + 1;
    learn(bit);
    for (; Math.floor(low / 2 ** 24) === Math.floor(high / 2 ** 24); shift()) {
      low = (low % 2 ** 24) * 256;
      high = (high % 2 ** 24) * 256 + 255;
    }
    return bit;
  });
  return new Uint8Array(found.buffer);
}

function planes(cursor: Cursor, { count, width, turned, columns, beside }: Elements): Uint8Array {
  const split: Uint8Array[] = [];
  for (let k = width - 1; k >= 0; k--) split[k] = plane(cursor, count, k === width - 1 ? columns : 0, split[k + 1] ?? beside, beside);
  const bytes = new Uint8Array(count * width);
  for (let i = 0; i < count; i++) {
    let element = 0n;
    for (let k = 0; k < width; k++) element |= BigInt(split[k]![i]!) << BigInt(8 * k);
    if (turned) element = (element >> 1n) | ((element & 1n) << BigInt(8 * width - 1));
    for (let k = 0; k < width; k++) bytes[i * width + k] = Number((element >> BigInt(8 * k)) & 255n);
  }
  return bytes;
}

function matches(cursor: Cursor, { count, width, turned, history }: Elements): Uint8Array {
  const sequences = cursor.number(count);
  const literals = cursor.number(count);
  const values = form(cursor, { count: literals, width, turned, columns: 0 });
  const [runs, lengths, distances] = [plane(cursor, sequences, 0), plane(cursor, sequences, 0), plane(cursor, sequences, 0)];
  const extra = cursorOf(cursor.bytes(cursor.number(cursor.left())));
  const numberOf = (code: number) => {
    if (code < 16) return code;
    const exponent = ((code - 16) >> 1) + 4;
    return (2 + ((code - 16) & 1)) * 2 ** (exponent - 1) + extra.bits(exponent - 1);
  };
  const bytes: number[] = [...(history ?? [])];
  let recent = [1, 2, 3];
  let from = 0;
  for (let i = 0; i < sequences; i++) {
    const run = numberOf(runs[i]!);
    const length = numberOf(lengths[i]!) + 1;
    const code = distances[i]!;
    const distance = code < 3 ? recent[code]! : numberOf(code - 3) + 1;
    recent = [distance, ...recent.filter((_, place) => place !== (code < 3 ? code : 2))];
    bytes.push(...values.subarray(from * width, (from + run) * width));
    from += run;
    for (let k = 0; k < length * width; k++) bytes.push(bytes[bytes.length - distance * width]!);
  }
  bytes.push(...values.subarray(from * width));
  return Uint8Array.from(bytes.slice(history?.length ?? 0));
}

function plane(cursor: Cursor, count: number, columns: number, above?: Uint8Array, beside?: Uint8Array): Uint8Array {
  if (count === 0) return new Uint8Array();
  const mode = cursor.byte();
  if (mode === 0) return cursor.bytes(count);
  if (mode === 1) return new Uint8Array(count).fill(cursor.byte());
  const [tables, classOf] = classes(cursor, count, columns, above, beside);
  if (mode === 3) return adaptive(cursor.bytes(cursor.number(cursor.left())), count, classOf);
  const slots = Array.from({ length: tables }, () => slotsOf(readFrequencies(cursor)));
  const words = cursorOf(cursor.bytes(cursor.number(cursor.left())));
  const states = Array.from({ length: 16 }, () => words.u32());
  return Uint8Array.from({ length: count }, (_, i) => {
    const state = states[i % 16]!;
    const { symbol, frequency, place } = slots[classOf(i)]![state % 4096]!;
    const next = frequency * Math.floor(state / 4096) + place;
    states[i % 16] = next < 65536 ? next * 65536 + words.byte() + words.byte() * 256 : next;
    return symbol;
  });
}

function adaptive(bytes: Uint8Array, count: number, classOf: (i: number) => number): Uint8Array {
  const known = new Map<number, { probability: number; met: number }>();
  let [low, high, code, at] = [0, 2 ** 32 - 1, 0, 0];
  const shift = () => {
    code = (code % 2 ** 24) * 256 + bytes[at++]!;
  };
  for (let i = 0; i < 4; i++) shift();
  return Uint8Array.from({ length: count }, (_, i) => {
    let place = 1;
    while (place < 256) {
      const key = classOf(i) * 256 + place;
      const { probability, met } = known.get(key) ?? { probability: 32768, met: 0 };
      const range = high - low;
      const part = low + Math.floor(range / 65536) * probability + Math.floor(((range % 65536) * probability) / 65536);
      const bit = code <= part ? 1 : 0;
      if (bit === 1) high = part;
      else low = part + 1;
      const rate = Math.floor(131072 / (2 * met + 3));
      const step = Math.floor(((bit === 1 ? 65536 - probability : probability) * rate) / 65536);
      const next = Math.min(65504, Math.max(32, bit === 1 ? probability + step : probability - step));
      known.set(key, { probability: next, met: Math.min(255, met + 1) });
      place = place * 2 + bit;
      for (; Math.floor(low / 2 ** 24) === Math.floor(high / 2 ** 24); shift()) {
        low = (low % 2 ** 24) * 256;
        high = (high % 2 ** 24) * 256 + 255;
      }
    }
    return place;
  });
}

function classes(cursor: Cursor, count: number, columns: number, above?: Uint8Array, beside?: Uint8Array): [number, (i: number) => number] {
  const kind = cursor.byte();
  if (kind === 0) return [1, () => 0];
  if (kind === 1) {
    const [rowClasses, columnClasses] = [cursor.byte(), cursor.byte()];
    const rows = plane(cursor, Math.ceil(count / columns), 0);
    const ofColumns = plane(cursor, columns, 0);
    return [rowClasses * columnClasses, (i) => rows[Math.floor(i / columns)]! * columnClasses + ofColumns[i % columns]!];
  }
  const tables = cursor.byte();
  if (kind === 3) {
    const columnClasses = cursor.byte();
    const [byBeside, byAbove] = [plane(cursor, 256, 0), plane(cursor, 256, 0)];
    return [tables * columnClasses, (i) => byBeside[beside![i]!]! * columnClasses + byAbove[above![i]!]!];
  }
  const map = plane(cursor, 256, 0);
  return [tables, (i) => map[above![i]!]!];
}

function slotsOf(frequencies: Uint16Array): { symbol: number; frequency: number; place: number }[] {
  return [...frequencies].flatMap((frequency, symbol) => Array.from({ length: frequency }, (_, place) => ({ symbol, frequency, place })));
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
