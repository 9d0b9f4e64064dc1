import { elementsOf } from '../core/dtype.ts';
import type { Layer } from '../core/layers.ts';
import { type AffineLayout, bytesOf, type CodebookLayout, indexBits, type LevelsLayout } from '../core/layout.ts';

/** What a file pays for the operators of one more compressed weight, about. */
const OPERATORS = { affine: 200, levels: 200, codebook: 300 } as const;

/** Why a layer is left as it is, in words for the user; undefined when it gains from `layout`. */
export function reasonAgainst(
  { weight, inputs }: Layer,
  layout: AffineLayout | CodebookLayout | LevelsLayout,
  minimum: number,
): string | undefined {
  if (weight.layout.kind !== 'dense') return 'is compressed already';
  if (elementsOf(weight.shape) < minimum) return `has fewer than ${minimum} elements`;
  if (layout.kind === 'affine' && inputs < 2) return 'has a single input per output: a scale each would be needed';
  if (layout.kind === 'codebook') {
    const ofBooks = 2 * layout.books * layout.entries * layout.vector;
    const indices = (elementsOf(weight.shape) / layout.vector) * layout.books * (indexBits(layout) / 8);
    if (ofBooks > indices) return `is too small: a book would take ${ofBooks} bytes, its indices ${Math.ceil(indices)}`;
  }
  const [before, after] = [bytesOf(weight), bytesOf({ shape: weight.shape, layout })];
  // what packing leaves of levels is not known before: half of what they take
  return (layout.kind === 'levels' ? after / 2 : after) + OPERATORS[layout.kind] >= before
    ? `would not become smaller than its ${before} bytes`
    : undefined;
}
