import type { FoundMatches } from '../coder/coding.ts';

const HASH_BITS = 16;
/** A match this long is taken at once. */
const LONG = 256;
/** Costs are in sixteenths of a bit: about what a match takes besides its distance, and what a distance takes that is none of the last three. */
const MATCH_COST = 80;
const LAST_DISTANCE = 16;
const OTHER_DISTANCE = 32;

interface Match {
  readonly length: number;
  readonly distance: number;
  readonly gain: number;
}

/**
 * What elements of `width` bytes repeat of what came before: runs of literals, each followed by a match, all counted in elements. A match is taken that saves
 * most against literals, unless the next place has one that saves clearly more.
 * @param most  how many earlier places are looked at, from the last one back
 * Source: Ziv and Lempel 1977, https://doi.org/10.1109/TIT.1977.1055714; the three last distances are cheap, as in LZMA
 */
export function findMatches(bytes: Uint8Array, width: number, most: number): FoundMatches {
  const count = bytes.length / width;
  const hashed = Math.max(1, 4 / width);
  const heads = new Int32Array(2 ** HASH_BITS).fill(-1);
  const links = new Int32Array(count);
  const literalCost = width === 1 ? 88 : width * 109;
  const matches: { run: number; length: number; distance: number }[] = [];
  let recent: readonly [number, number, number] = [1, 2, 3];
  let inserted = 0;

  const insertUpTo = (end: number) => {
    for (; inserted < end && inserted + hashed <= count; inserted++) {
      const hash = hashOf(bytes, inserted * width);
      links[inserted] = heads[hash]!;
      heads[hash] = inserted;
    }
  };
  const search = (at: number): Match => {
    let best: Match = { length: 0, distance: 0, gain: 0 };
    const consider = (from: number, distanceCost: number) => {
      const length = sameElements(bytes, from, at, width);
      const gain = Math.min(length, 65536) * literalCost - MATCH_COST - distanceCost;
      if (length > 0 && gain > best.gain) best = { length, distance: at - from, gain };
    };
    for (const distance of recent) if (distance <= at) consider(at - distance, LAST_DISTANCE);
    if (at + hashed > count) return best;
    insertUpTo(at);
    let from = heads[hashOf(bytes, at * width)]!;
    for (let depth = 0; from >= 0 && depth < most && best.length < LONG; depth++) {
      consider(from, logarithm(at - from + 1) + OTHER_DISTANCE);
      from = links[from]!;
    }
    return best;
  };

  for (let at = 0, run = 0; at < count; ) {
    let match = search(at);
    if (match.gain <= 0) {
      at++;
      continue;
    }
    // one that takes a single element leaves the next one free
    while (match.length > 1 && match.length < LONG && at + 1 < count) {
      const next = search(at + 1);
      if (next.gain <= match.gain + (literalCost >> 2)) break;
      match = next;
      at++;
    }
    const { length, distance } = match;
    matches.push({ run: at - run, length, distance });
    recent = withDistance(recent, distance);
    at += length;
    run = at;
    insertUpTo(at);
  }
  return {
    runs: Uint32Array.from(matches, ({ run }) => run),
    lengths: Uint32Array.from(matches, ({ length }) => length),
    distances: Uint32Array.from(matches, ({ distance }) => distance),
  };
}

/** The last three distances once this one is the last. */
export function withDistance([a, b, c]: readonly [number, number, number], distance: number): readonly [number, number, number] {
  if (distance === a) return [a, b, c];
  return distance === b ? [distance, a, c] : [distance, a, b];
}

function hashOf(bytes: Uint8Array, at: number): number {
  const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
  return Math.imul(word, 0x9e3779b1) >>> (32 - HASH_BITS);
}

function sameElements(bytes: Uint8Array, from: number, at: number, width: number): number {
  let same = 0;
  while (at * width + same < bytes.length && bytes[from * width + same] === bytes[at * width + same]) same++;
  return Math.floor(same / width);
}

/** log2 in sixteenths, straight between powers of two. */
function logarithm(value: number): number {
  const zeros = Math.clz32(value);
  return (31 - zeros) * 16 + (((value << zeros) >>> 27) & 15);
}
