import { byteWriter } from '../../core/byte-writer.ts';
import type { Elements } from '../../core/kernels.ts';
import { withDistance } from '../reference/matches.ts';
import type { CodingLoops, FoundMatches } from './coding.ts';

/** Runs of literals, each followed by a copy of earlier elements: the codes of their numbers, and what the codes leave open. */
export interface Matches {
  readonly runs: Uint8Array;
  readonly lengths: Uint8Array;
  readonly distances: Uint8Array;
  readonly extra: Uint8Array;
  /** Everything that is in no match. */
  readonly literals: Uint8Array;
}

/** A length counts from here. */
const SHORTEST = 1;
/** Of the places that pieces were last seen at. */
const HASH_BITS = 16;
/** A smaller share of repeated bytes is not worth a search; single bytes repeat by chance. */
const WORTH = { bytes: 0.04, elements: 0.015 };

/**
 * Whether enough of the bytes have been there before: a quick look for pieces of 8, which begin at multiples of 8 where they are seen first. Of plain bytes, text
 * above all, any piece may be a repetition; of elements only those that begin with one.
 */
export function repeats(bytes: Uint8Array, { width, columns }: Elements): boolean {
  const end = bytes.length - 8;
  if (end < 0) return false;
  const bits = Math.min(HASH_BITS, 32 - Math.clz32(bytes.length >> 3));
  const seen = new Int32Array(2 ** bits).fill(-1);
  const isPlain = width === 1 && columns === 0;
  let hits = 0;
  let [low, high] = [word(bytes, 0), word(bytes, 4)];
  for (let at = 0; ; ) {
    const hash = (Math.imul(low, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b)) >>> (32 - bits);
    const before = seen[hash]!;
    if (before >= 0 && word(bytes, before) === low && word(bytes, before + 4) === high) hits++;
    if (at % 8 === 0) seen[hash] = at;
    at += isPlain ? 1 : 8;
    if (at > end) break;
    low = isPlain ? (low >>> 8) | (high << 24) : word(bytes, at);
    high = isPlain ? (high >>> 8) | (bytes[at + 7]! << 24) : word(bytes, at + 4);
  }
  return hits * (isPlain ? 1 : 8) > (width === 1 ? WORTH.bytes : WORTH.elements) * bytes.length;
}

function word(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

/** Finds matches and writes them as codes. @param history  elements that come before, which the reader knows */
export function encodeMatches(
  loops: CodingLoops,
  bytes: Uint8Array,
  { count, width }: Elements,
  most: number,
  history?: Uint8Array,
): Matches {
  const found = history
    ? behind(loops.findMatches(joined(history, bytes), width, most), history.length / width)
    : loops.findMatches(bytes, width, most);
  const matches = found.runs.length;
  const [runs, lengths, distances] = [new Uint8Array(matches), new Uint8Array(matches), new Uint8Array(matches)];
  const extra = byteWriter();
  const literals = new Uint8Array(bytes.length);
  let recent: readonly [number, number, number] = [1, 2, 3];
  let [from, to] = [0, 0];
  const literal = (elements: number) => {
    literals.set(bytes.subarray(from * width, (from + elements) * width), to * width);
    to += elements;
    from += elements;
  };
  for (let i = 0; i < matches; i++) {
    const [run, length, distance] = [found.runs[i]!, found.lengths[i]!, found.distances[i]!];
    runs[i] = codeOf(run, extra.bits);
    lengths[i] = codeOf(length - SHORTEST, extra.bits);
    const place = recent.indexOf(distance);
    distances[i] = place >= 0 ? place : 3 + codeOf(distance - 1, extra.bits);
    recent = withDistance(recent, distance);
    literal(run);
    from += length;
  }
  literal(count - from);
  extra.align();
  return { runs, lengths, distances, extra: extra.finish(), literals: literals.subarray(0, to * width) };
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}

/** Those matches that copy to behind the first `known` elements, and what of one is behind them that began before. */
function behind({ runs, lengths, distances }: FoundMatches, known: number): FoundMatches {
  let [at, first] = [0, 0];
  while (first < runs.length && at + runs[first]! + lengths[first]! <= known) {
    at += runs[first]! + lengths[first]!;
    first++;
  }
  const rest = { runs: runs.slice(first), lengths: lengths.slice(first), distances: distances.slice(first) };
  if (first === runs.length) return rest;
  const begin = at + runs[first]!;
  rest.runs[0] = Math.max(0, begin - known);
  rest.lengths[0] = begin + lengths[first]! - Math.max(begin, known);
  return rest;
}

type PutBits = (value: number, count: number) => void;

/** Below 16 the number itself; then exponent and one bit of the mantissa, and the rest of it aside. */
function codeOf(value: number, put: PutBits): number {
  if (value < 16) return value;
  const exponent = 31 - Math.clz32(value);
  const rest = exponent - 1;
  put(value & (2 ** rest - 1), rest);
  return 16 + (exponent - 4) * 2 + ((value >> rest) & 1);
}
