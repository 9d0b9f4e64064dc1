import { decode } from '../decode.ts';
import type { Kernels } from '../kernels.ts';
import type { Weight } from '../model.ts';
import { rowPieces } from '../rows.ts';

export type Narrow = 'f16' | 'bf16';

/** Largest magnitude that each type holds; what rounds beyond it becomes infinity. */
export const LARGEST = { f16: 65504, bf16: 3.3895313892515355e38 } as const;

/** Smallest magnitude above zero. */
export const SMALLEST = { f16: 2 ** -24, bf16: 2 ** -133 } as const;

/** What a narrower type would do to a weight. */
export interface Range {
  /** Of the finite values. */
  readonly min: number;
  readonly max: number;
  /** Values that are not zero and would become zero. */
  readonly vanishing: number;
  readonly elements: number;
}

/** Reads the whole weight, once, and keeps nothing of it. */
export async function rangeOf(weight: Weight, kernels: Kernels, type: Narrow): Promise<Range> {
  const parts: Range[] = [];
  for (const piece of rowPieces(weight)) parts.push(await rangeOfValues(decode(await piece.load()), kernels, type));
  return {
    min: Math.min(...parts.map(({ min }) => min)),
    max: Math.max(...parts.map(({ max }) => max)),
    vanishing: parts.reduce((sum, { vanishing }) => sum + vanishing, 0),
    elements: parts.reduce((sum, { elements }) => sum + elements, 0),
  };
}

async function rangeOfValues(values: Float32Array, kernels: Kernels, type: Narrow): Promise<Range> {
  const { min, max, least } = await kernels.summarize(values);
  // Half of the smallest magnitude is rounded to the even neighbour, which is zero.
  const limit = SMALLEST[type] / 2;
  const vanishing =
    least > limit || least === 0 ? 0 : values.reduce((count, v) => (v !== 0 && Math.abs(v) <= limit ? count + 1 : count), 0);
  return { min, max, vanishing, elements: values.length };
}

/** Whether a finite value would become infinite. */
export function overflows({ min, max }: Pick<Range, 'min' | 'max'>, type: Narrow): boolean {
  return max > LARGEST[type] || min < -LARGEST[type];
}
