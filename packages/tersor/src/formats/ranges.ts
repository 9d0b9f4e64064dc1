import type { Weight } from '../core/model.ts';
import type { Source } from '../core/source.ts';

/** Bytes of a file. */
export interface Range {
  readonly source: Source;
  readonly offset: number;
  readonly length: number;
}

/** A `load` that only reads a file. Whoever changes a weight gives it another `load`, so this says that the bytes are still the file's. */
type RangedLoad = Weight['load'] & { readonly range: Range };

export function withRange(load: Weight['load'], range: Range): Weight['load'] {
  return Object.assign(load, { range });
}

/** Where an unchanged weight's bytes lie; undefined when they must be loaded. */
export function rangeOf({ load }: Weight): Range | undefined {
  return isRanged(load) ? load.range : undefined;
}

function isRanged(load: Weight['load']): load is RangedLoad {
  return 'range' in load;
}

/** What is copied at a time. */
const STEP = 2 ** 20;

/** A part of a range. */
export interface Piece {
  /** Behind the range's beginning. */
  readonly at: number;
  readonly size: number;
  load(): Promise<Uint8Array>;
}

/** A range in steps, so that a large weight that nobody changed is never in memory as a whole. */
export function piecesOf({ source, offset, length }: Range): Piece[] {
  return Array.from({ length: Math.ceil(length / STEP) }, (_, i) => {
    const at = i * STEP;
    const size = Math.min(STEP, length - at);
    return { at, size, load: () => source.read(offset + at, size) };
  });
}
