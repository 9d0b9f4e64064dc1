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

/** The loops that coding asks for. */
export interface CodingLoops {
  /** The planes of elements, the lowest first. */
  splitPlanes(bytes: Uint8Array, width: number, turned: boolean): Uint8Array[];
  /** States and words. Every symbol has a frequency above 0. */
  encodeRans(symbols: Uint8Array, coding: Coding): Uint8Array;
  /** What elements of `width` bytes repeat of what came before. */
  findMatches(bytes: Uint8Array, width: number): FoundMatches;
  /** The cheapest of 8 groups for each line of `span` counts; `costs` has 8 for each symbol. */
  nearestGroups(lines: Float32Array, span: number, costs: Float32Array): Uint8Array;
}

/** Runs of literals, each followed by a match, in elements. Literals may follow the last one. */
export interface FoundMatches {
  readonly runs: Uint32Array;
  readonly lengths: Uint32Array;
  readonly distances: Uint32Array;
}
