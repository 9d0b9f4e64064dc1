import type { CodingProfile } from '../../core/kernels.ts';
import type { Difference } from '../reference/base.ts';
import type { LevelLines } from '../reference/levels.ts';

/** Interleaved states. */
export const LANES = 16;
export const TOTAL_BITS = 12;
/** What the frequencies of a distribution add up to. */
export const TOTAL = 2 ** TOTAL_BITS;

/** How symbols are coded: with the distribution that each one's class names, or all with the only one. */
export interface Coding {
  /** Of 256 symbols each, with the sum 4096, each below it. */
  readonly frequencies: readonly Uint16Array[];
  readonly classes?: Uint8Array;
}

/** The loops, and how hard is tried. */
export interface Coder extends CodingLoops {
  readonly profile: CodingProfile;
}

/** The loops that coding asks for. */
export interface CodingLoops {
  /** The planes of elements, the lowest first. */
  splitPlanes(bytes: Uint8Array, width: number, turned: boolean): Uint8Array[];
  /** What must be added to a base of the same length. */
  subtractBase(bytes: Uint8Array, base: Uint8Array, width: number, turned: boolean, how: Difference): Uint8Array;
  /** States and words. Every symbol has a frequency above 0. */
  encodeRans(symbols: Uint8Array, coding: Coding): Uint8Array;
  /** The symbols in adaptive binary code, in the context of each one's class; undefined when that takes more bytes than there are symbols. */
  encodeAdaptive(symbols: Uint8Array, classes?: Uint8Array): Uint8Array | undefined;
  /** Levels in adaptive binary code; undefined when that takes more bytes than `most`. */
  encodeLevels(levels: Int8Array | Int16Array, lines: LevelLines, most: number): Uint8Array | undefined;
  /** What elements of `width` bytes repeat of what came before, which is looked for in so many places at most. */
  findMatches(bytes: Uint8Array, width: number, most: number): FoundMatches;
  /** The class of each byte. */
  mapClasses(bytes: Uint8Array, classOf: Uint8Array): Uint8Array;
  /** The class of each two bytes: that of the first, times `groups`, plus that of the second. */
  pairClasses(first: Uint8Array, byFirst: Uint8Array, second: Uint8Array, bySecond: Uint8Array, groups: number): Uint8Array;
  countPairs(symbols: Uint8Array, groups: PairGroups): Uint32Array;
  countBelow(symbols: Uint8Array, above: Uint8Array): Uint32Array;
  lineMoments(symbols: Uint8Array, columns: number, axis: Axis, first: number): Moments;
  countLines(symbols: Uint8Array, bundles: Bundles): Float32Array;
  groupLines(lines: Lines): Uint8Array;
}

/** Runs of literals, each followed by a match, in elements. Literals may follow the last one. */
export interface FoundMatches {
  readonly runs: Uint32Array;
  readonly lengths: Uint32Array;
  readonly distances: Uint32Array;
}

export type Axis = 'row' | 'column';

/** The groups of a grid's rows and columns. */
export interface PairGroups {
  readonly columns: number;
  readonly rows: Uint8Array;
  readonly ofColumns: Uint8Array;
  readonly columnGroups: number;
  readonly pairs: number;
}

export interface Moments {
  readonly sums: Float64Array;
  readonly squares: Float64Array;
}

/** Rows or columns of a grid, each in a bundle, and the symbols that are counted. */
export interface Bundles {
  readonly columns: number;
  readonly axis: Axis;
  readonly bundleOf: Uint16Array;
  readonly bundles: number;
  readonly first: number;
  readonly span: number;
}

/** Lines of counts, each in one of up to 8 groups. */
export interface Lines {
  readonly lines: Float32Array;
  readonly span: number;
  readonly groups: number;
  readonly assigned: Uint8Array;
  readonly little: Float32Array;
}
