import { elementsOf } from '../core/dtype.ts';
import type { Feeds, Value } from '../core/engine.ts';
import { TersorError } from '../core/error.ts';
import type { ValueInfo } from '../core/graph.ts';
import { checkNames, toFeeds, type Wanted } from './to-feeds.ts';

/** The runs that the arrays of one file hold, and how they lay there. */
export interface Split {
  readonly feeds: readonly Feeds[];
  readonly note?: string;
}

/**
 * Cuts arrays into single runs along their first axis: where each has one axis more than the model's input, or where a batch is open (or one) in
 * the model and the arrays agree on how many they hold. Inputs that have no such axis go to every run.
 * @throws DATA_INVALID
 */
export function splitArrays(arrays: ReadonlyMap<string, Value>, wanted: Wanted, where: string): Split {
  checkNames(arrays, wanted, where);
  const given = wanted.inputs.flatMap((info) => {
    const value = arrays.get(info.name);
    return value ? [{ info, value }] : [];
  });
  const single = (): Split => ({ feeds: [toFeeds(Object.fromEntries(arrays), wanted, where)] });
  const stacked = given.filter(({ info, value }) => info.shape && value.shape.length === info.shape.length + 1);
  const batched = given.filter(({ info, value }) => info.shape && value.shape.length === info.shape.length && holdsBatch(info, value));
  const along = stacked.length > 0 ? stacked : batched;
  if (along.length === 0) return single();
  const counts = new Set(along.map(({ value }) => value.shape[0]));
  if (counts.size > 1) {
    if (stacked.length === 0) return single();
    const sizes = along.map(({ info, value }) => `${info.name}: ${value.shape[0]}`).join(', ');
    throw new TersorError(
      'DATA_INVALID',
      where,
      `its arrays hold different numbers of samples (${sizes})`,
      'give every input the same number',
    );
  }
  const count = along[0]?.value.shape[0] ?? 0;
  if (count === 0) throw new TersorError('DATA_INVALID', where, 'holds no samples');
  const names = new Set(along.map(({ info }) => info.name));
  const feeds = Array.from({ length: count }, (_, index) => {
    const raw = given.map(({ info, value }) => [info.name, names.has(info.name) ? slice(value, index, stacked.length === 0) : value]);
    return toFeeds(Object.fromEntries(raw), wanted, `${where}[${index}]`);
  });
  return { feeds, note: `${where}: ${count} runs along the first axis` };
}

function holdsBatch(info: ValueInfo, value: Value): boolean {
  const [batch] = info.shape ?? [];
  return (info.shape?.length ?? 0) > 0 && (typeof batch !== 'number' || batch === 1) && value.shape[0] !== 1;
}

function slice({ dtype, shape, data }: Value, index: number, keepAxis: boolean): Value {
  const inner = shape.slice(1);
  const size = elementsOf(inner);
  const part = data.slice(index * size, (index + 1) * size);
  return { dtype, shape: keepAxis ? [1, ...inner] : inner, data: part };
}
