import { byteWriter } from '../../core/byte-writer.ts';
import type { Elements } from '../../core/kernels.ts';
import { withDistance } from '../reference/matches.ts';
import type { CodingLoops } from './coding.ts';

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
  const isPlain = width === 1 && columns === 0;
  const pieces = bytes.length >> 3;
  const words = new Int32Array(bytes.slice(0, pieces * 8).buffer);
  const seen = new Int32Array(2 ** HASH_BITS).fill(-1);
  let hits = 0;
  const look = (low: number, high: number) => {
    const hash = (Math.imul(low, 0x9e3779b1) ^ Math.imul(high, 0x85ebca6b)) >>> (32 - HASH_BITS);
    const before = seen[hash]!;
    if (before >= 0 && words[before] === low && words[before + 1] === high) hits++;
    return hash;
  };
  for (let i = 0; i < pieces * 2; i += 2) {
    const [low, high] = [words[i]!, words[i + 1]!];
    seen[look(low, high)] = i;
    if (!isPlain || i + 2 >= pieces * 2) continue;
    const [next, last] = [words[i + 2]!, words[i + 3]!];
    for (let shift = 8; shift < 64; shift += 8) look(joined(low, high, next, shift), joined(high, next, last, shift));
  }
  return hits * (isPlain ? 1 : 8) > (width === 1 ? WORTH.bytes : WORTH.elements) * bytes.length;
}

/** The 32 bits that begin `shift` bits behind those of `a`. */
function joined(a: number, b: number, c: number, shift: number): number {
  const [low, high] = shift < 32 ? [a, b] : [b, c];
  const bits = shift % 32;
  return bits === 0 ? low : (low >>> bits) | (high << (32 - bits));
}

/** Finds matches and writes them as codes. */
export function encodeMatches(loops: CodingLoops, bytes: Uint8Array, { count, width }: Elements): Matches {
  const found = loops.findMatches(bytes, width);
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

type PutBits = (value: number, count: number) => void;

/** Below 16 the number itself; then exponent and one bit of the mantissa, and the rest of it aside. */
function codeOf(value: number, put: PutBits): number {
  if (value < 16) return value;
  const exponent = 31 - Math.clz32(value);
  const rest = exponent - 1;
  put(value & (2 ** rest - 1), rest);
  return 16 + (exponent - 4) * 2 + ((value >> rest) & 1);
}
