import type { Weight } from '../../core/model.ts';
import type { Source } from '../../core/source.ts';
import type { Payload } from './proto/encode.ts';

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

/** The bytes of a range in steps, so that a large weight that nobody changed is never in memory as a whole. */
export function copies({ source, offset, length }: Range, aside?: number): Payload[] {
  return Array.from({ length: Math.ceil(length / STEP) }, (_, i) => {
    const size = Math.min(STEP, length - i * STEP);
    const load = () => source.read(offset + i * STEP, size);
    return aside === undefined ? { size, load } : { size: 0, aside: aside + i * STEP, load };
  });
}
