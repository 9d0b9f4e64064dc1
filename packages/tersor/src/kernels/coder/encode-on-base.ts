import { byteWriter } from '../../core/byte-writer.ts';
import type { CodingProfile, Elements } from '../../core/kernels.ts';
import type { Difference } from '../reference/base.ts';
import type { CodingLoops } from './coding.ts';
import { encodeChunk, encodeHistory } from './encode-chunk.ts';
import { encodeSigns } from './encode-signs.ts';

const FORM = 6;
const HOW = { equal: 0, xor: 1, difference: 2, matches: 3, signs: 4 };
/** Elements that each way is tried on before one is taken: that many at most, in pieces from all over the chunk. */
const TRIED = 16384;
const PIECE = 2048;

/**
 * A chunk's bytes as what differs from a base of the same length, or without it, whatever takes the fewest. The other way round: `OnBase` of the loader.
 * Ways are compared on a part of the chunk, so that the slow work is done once.
 */
export function encodeOnBase(
  loops: CodingLoops,
  bytes: Uint8Array,
  elements: Elements,
  base: Uint8Array,
  profile: CodingProfile = 'default',
): Uint8Array<ArrayBuffer> {
  if (areEqual(bytes, base)) return chunk(HOW.equal);
  const signs = encodeSigns(loops, bytes, elements, base, profile);
  if (signs) return chunk(HOW.signs, signs);
  const part = sample(elements);
  const tried = { ...elements, count: part ? TRIED : elements.count };
  const [some, someBase] = part ? [part(bytes), part(base)] : [bytes, base];
  const ways = waysFor(elements).map((way) => ({ way, coded: way(loops, some, tried, someBase, profile) }));
  const best = ways.reduce((a, b) => (b.coded.length < a.coded.length ? b : a));
  return part ? best.way(loops, bytes, elements, base, profile) : best.coded;
}

type Way = (loops: CodingLoops, bytes: Uint8Array, elements: Elements, base: Uint8Array, profile: CodingProfile) => Uint8Array<ArrayBuffer>;

function waysFor({ width, columns }: Elements): Way[] {
  const isPlain = width === 1 && columns === 0;
  // wider elements are numbers: where the base says anything of them, their difference is small
  if (width > 1) return [alone, residual('difference')];
  return [alone, residual('difference'), residual('xor'), ...(isPlain ? [repeated] : [])];
}

const alone: Way = (loops, bytes, elements, _, profile) => encodeChunk(loops, bytes, elements, profile);

const residual =
  (how: Difference): Way =>
  (loops, bytes, elements, base, profile) => {
    const { width, turned } = elements;
    const left = loops.subtractBase(bytes, base, width, turned, how);
    return chunk(HOW[how], encodeChunk(loops, left, { ...elements, turned: false }, profile, besideOf(base, elements)));
  };

const repeated: Way = (loops, bytes, elements, base, profile) => chunk(HOW.matches, encodeHistory(loops, bytes, elements, base, profile));

function chunk(how: number, rest?: Uint8Array): Uint8Array<ArrayBuffer> {
  const writer = byteWriter();
  writer.byte(FORM);
  writer.byte(how);
  if (rest) writer.bytes(rest);
  return writer.finish();
}

/** The highest byte of each element; of turned ones, after turning left by one bit. */
function besideOf(base: Uint8Array, { count, width, turned }: Elements): Uint8Array {
  const highest = new Uint8Array(count);
  for (let i = 0, last = width - 1; i < count; i++, last += width) {
    highest[i] = turned ? (base[last]! << 1) | (base[last - 1]! >> 7) : base[last]!;
  }
  return highest;
}

/** Takes pieces of a chunk that stand for it; undefined where it is small. */
function sample({ count, width }: Elements): ((bytes: Uint8Array) => Uint8Array) | undefined {
  if (count <= TRIED * 2) return undefined;
  const pieces = TRIED / PIECE;
  return (bytes) => {
    const taken = new Uint8Array(TRIED * width);
    for (let i = 0; i < pieces; i++) {
      const from = Math.floor((i * (count - PIECE)) / (pieces - 1)) * width;
      taken.set(bytes.subarray(from, from + PIECE * width), i * PIECE * width);
    }
    return taken;
  };
}

function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
