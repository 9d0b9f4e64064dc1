import { elementsOf } from './dtype.ts';
import type { Fold, Folded, How, Value } from './engine.ts';
import { countInto, mergeInto, startTally, type Tally } from './histogram.ts';
import { numbersOf } from './numbers.ts';

type Joining = 'min' | 'max' | 'sum';

const START = { min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY, sum: 0 } as const;

/** Counts values of 32 bits in the bins of a tally, as `countInto` does. */
export type Count = (tally: Tally, values: Float32Array) => void;

/**
 * `folded` with the elements of one more output, in its place where there is one. An output without elements, as a branch gives that was not taken,
 * changes nothing.
 * @returns undefined while nothing came
 */
export function fold(
  { how, rank = 0, size = 0 }: Fold,
  folded: Folded | undefined,
  value: Value,
  count: Count = countInto,
): Folded | undefined {
  if (value.data.length === 0) return folded;
  if (how === 'indices') return countIndices(folded ?? new Float64Array(size), value);
  const numbers = numbersOf(value);
  if (!numbers) return folded;
  if (how === 'histogram') {
    const tally = folded ?? startTally();
    if (numbers instanceof Float32Array) count(tally, numbers);
    else countInto(tally, numbers);
    return tally;
  }
  const result = folded ?? new Float64Array(elementsOf(value.shape.slice(value.shape.length - rank))).fill(START[how]);
  for (let from = 0; from < numbers.length; from += result.length) join(how, result, numbers, from);
  return result;
}

/** Two results of one kind as one. */
export function merge(how: How, a: Folded, b: Folded): Folded {
  const result = a.slice();
  if (how === 'histogram') mergeInto(result, b);
  else join(how === 'indices' ? 'sum' : how, result, b, 0);
  return result;
}

function countIndices(counts: Folded, { data }: Value): Folded {
  for (const index of data) {
    const at = Number(index) < 0 ? Number(index) + counts.length : Number(index);
    if (at < counts.length) counts[at] = counts[at]! + 1;
  }
  return counts;
}

function join(how: Joining, result: Folded, numbers: Float32Array | Float64Array, from: number): void {
  const { length } = result;
  if (how === 'sum') for (let i = 0; i < length; i++) result[i] = result[i]! + numbers[from + i]!;
  if (how === 'min') for (let i = 0; i < length; i++) if (numbers[from + i]! < result[i]!) result[i] = numbers[from + i]!;
  if (how === 'max') for (let i = 0; i < length; i++) if (numbers[from + i]! > result[i]!) result[i] = numbers[from + i]!;
}
