import { elementsOf } from '../core/dtype.ts';
import type { Layer } from '../core/layers.ts';
import { type AffineLayout, bytesOf } from '../core/layout.ts';

/** What a file pays for the operators of one more compressed weight, about. */
const OPERATORS = 200;

/** Why a layer is left as it is, in words for the user; undefined when it gains from `layout`. */
export function reasonAgainst({ weight, inputs }: Layer, layout: AffineLayout, minimum: number): string | undefined {
  if (weight.layout.kind !== 'dense') return 'is compressed already';
  if (elementsOf(weight.shape) < minimum) return `has fewer than ${minimum} elements`;
  if (inputs < 2) return 'has a single input per output: a scale each would be needed';
  const before = bytesOf(weight);
  return bytesOf({ shape: weight.shape, layout }) + OPERATORS >= before ? `would not become smaller than its ${before} bytes` : undefined;
}
