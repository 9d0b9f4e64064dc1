import type { Random } from '../../src/core/random.ts';
import { fieldAt } from '../../src/formats/onnx/proto/wire.ts';

/** Where a protobuf field lies in a file: tag, length and payload. */
export interface Span {
  readonly tag: number;
  readonly start: number;
  readonly end: number;
  readonly wire: number;
}

/** All fields of a file and, as far as their payloads can be messages, of these. */
export function spansOf(file: Uint8Array): Span[] {
  const spans: Span[] = [];
  const walk = (from: number, to: number, depth: number): boolean => {
    const found: Span[] = [];
    for (let at = from; at < to; ) {
      const field = tryField(file, at);
      if (!field || field.end > to || field.number > 40) return false;
      found.push({ tag: at, ...field });
      at = field.end;
    }
    for (const span of found) {
      spans.push(span);
      if (span.wire === 2 && span.end - span.start > 1 && depth < 12) walk(span.start, span.end, depth + 1);
    }
    return true;
  };
  walk(0, file.length, 0);
  return spans;
}

function tryField(file: Uint8Array, at: number): ReturnType<typeof fieldAt> | undefined {
  try {
    return fieldAt(file, at, '');
  } catch {
    return undefined;
  }
}

type Mutation = (file: Uint8Array, spans: readonly Span[], random: Random) => Uint8Array;

const below = (random: Random, end: number) => Math.floor(random() * end);
const pick = <T>(random: Random, from: readonly T[]): T | undefined => from[below(random, from.length)];

interface Edit {
  readonly from: number;
  readonly to: number;
  readonly by: ArrayLike<number>;
}

function replace(file: Uint8Array, { from, to, by }: Edit): Uint8Array {
  const result = new Uint8Array(from + by.length + file.length - to);
  result.set(file.subarray(0, from));
  result.set(by, from);
  result.set(file.subarray(to), from + by.length);
  return result;
}

/** The same with the lengths of all messages around it put right, so that the damage is found deeper inside, or not at all. */
function replaceMended(file: Uint8Array, spans: readonly Span[], edit: Edit): Uint8Array {
  const around = spans
    .filter(({ wire, start, end }) => wire === 2 && start <= edit.from && edit.to <= end)
    .sort((a, b) => b.start - a.start);
  let result = replace(file, edit);
  let grown = edit.by.length - (edit.to - edit.from);
  for (const { tag, start, end } of around) {
    const length = { from: lengthAt(file, tag), to: start, by: varint(BigInt(Math.max(0, end - start + grown))) };
    result = replace(result, length);
    grown += length.by.length - (length.to - length.from);
  }
  return result;
}

/** The length follows the tag, which is one or two bytes long. */
function lengthAt(file: Uint8Array, tag: number): number {
  return tag + (file[tag]! >= 128 ? 2 : 1);
}

function structural(edit: (file: Uint8Array, spans: readonly Span[], random: Random) => Edit | undefined): Mutation {
  return (file, spans, random) => {
    const change = edit(file, spans, random);
    if (!change) return file;
    return random() < 0.75 ? replaceMended(file, spans, change) : replace(file, change);
  };
}

/** Mostly where it matters: in tags, lengths and small fields, not in the middle of weights. */
function place(file: Uint8Array, spans: readonly Span[], random: Random): number {
  const span = random() < 0.85 ? pick(random, spans) : undefined;
  return span ? Math.min(file.length - 1, span.tag + below(random, Math.min(24, span.end - span.tag))) : below(random, file.length);
}

function varint(value: bigint): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7n) {
    if (rest < 128n) return [...bytes, Number(rest)];
    bytes.push(Number(rest & 127n) + 128);
  }
}

const SIZES = [
  0n,
  1n,
  2n ** 7n,
  2n ** 14n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
];

export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  'flipped bits': (file, spans, random) => {
    const result = file.slice();
    for (let i = below(random, 4); i >= 0; i--) {
      const at = place(file, spans, random);
      result[at] = result[at]! ^ (1 << below(random, 8));
    }
    return result;
  },
  'other bytes': (file, spans, random) => {
    const result = file.slice();
    for (let i = below(random, 8); i >= 0; i--) result[place(file, spans, random)] = below(random, 256);
    return result;
  },
  truncation: (file, spans, random) => file.slice(0, place(file, spans, random)),
  'another length': (file, spans, random) => {
    const span = pick(
      random,
      spans.filter(({ wire }) => wire === 2),
    );
    if (!span) return file;
    const length = BigInt(span.end - span.start);
    const lengths = [...SIZES, length + 1n, length > 0n ? length - 1n : 0n, length * 2n, BigInt(file.length)];
    return replace(file, { from: lengthAt(file, span.tag), to: span.start, by: varint(pick(random, lengths) ?? 0n) });
  },
  'another number': structural((_, spans, random) => {
    const span = pick(
      random,
      spans.filter(({ wire }) => wire === 0),
    );
    return span && { from: span.start, to: span.end, by: varint(random() < 0.5 ? (pick(random, SIZES) ?? 0n) : BigInt(below(random, 40))) };
  }),
  'a field twice': structural((file, spans, random) => {
    const span = pick(random, spans);
    return span && { from: span.end, to: span.end, by: file.slice(span.tag, Math.min(span.end, span.tag + 4096)) };
  }),
  'a field less': structural((_, spans, random) => {
    const span = pick(random, spans);
    return span && { from: span.tag, to: span.end, by: [] };
  }),
  'a field elsewhere': structural((file, spans, random) => {
    const [from, to] = [pick(random, spans), pick(random, spans)];
    if (!from || !to) return undefined;
    return { from: to.tag, to: random() < 0.5 ? to.end : to.tag, by: file.slice(from.tag, Math.min(from.end, from.tag + 4096)) };
  }),
  'a payload cut or grown': structural((file, spans, random) => {
    const span = pick(
      random,
      spans.filter(({ wire }) => wire === 2),
    );
    if (!span) return undefined;
    const at = span.start + below(random, span.end - span.start + 1);
    return random() < 0.5
      ? { from: at, to: span.end, by: [] }
      : { from: at, to: at, by: file.slice(at, Math.min(file.length, at + below(random, 64))) };
  }),
  'a field in place of one of its size': (file, spans, random) => {
    const to = pick(random, spans);
    const from =
      to &&
      pick(
        random,
        spans.filter((span) => span.end - span.tag === to.end - to.tag),
      );
    return from && to ? replace(file, { from: to.tag, to: to.end, by: file.slice(from.tag, from.end) }) : file;
  },
  'noise spliced in': structural((file, spans, random) => {
    const at = place(file, spans, random);
    const noise = Uint8Array.from({ length: below(random, 64) }, () => below(random, 256));
    return { from: at, to: random() < 0.5 ? at : Math.min(file.length, at + noise.length), by: noise };
  }),
};
