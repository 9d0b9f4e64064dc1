import type { Value } from '../core/engine.ts';
import { TersorError } from '../core/error.ts';
import type { Sample } from '../core/samples.ts';
import type { Wanted } from './to-feeds.ts';

/** What stands beside the inputs of a sample. */
export type Annotation = Pick<Sample, 'labels' | 'source'>;

/** Names that are no inputs, unless the model has such one. */
const LABELS = ['label', 'labels'] as const;
const SOURCE = 'source';

/**
 * An object of inputs by name, or the list in its `steps`, without what says what is right (`label`, or `labels` where several count as right) and what
 * it was made from (`source`).
 * @throws DATA_INVALID for a label that is neither number nor text
 */
export function splitAnnotation(
  raw: unknown,
  { inputs }: Wanted,
  where: string,
): { readonly rest: unknown; readonly annotation: Annotation } {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return { rest: raw, annotation: {} };
  const isInput = (name: string) => inputs.some((info) => info.name === name);
  const fields = new Map<string, unknown>(Object.entries(raw));
  const take = (name: string): unknown => {
    if (isInput(name)) return undefined;
    const value = fields.get(name);
    fields.delete(name);
    return value;
  };
  const [label, source] = [LABELS.map(take).find((value) => value !== undefined), take(SOURCE)];
  const steps = take('steps');
  return {
    rest: steps ?? Object.fromEntries(fields),
    annotation: {
      ...(label !== undefined && { labels: toLabels(label, where) }),
      ...(typeof source === 'string' || typeof source === 'number' ? { source: String(source) } : {}),
    },
  };
}

/**
 * The same of arrays that stand beside those of inputs: an element, or a row, for each of `count` samples.
 * @throws DATA_INVALID when they are of another length
 */
export function splitAnnotationArrays(
  arrays: ReadonlyMap<string, Value>,
  { inputs }: Wanted,
  where: string,
): { readonly rest: ReadonlyMap<string, Value>; of(index: number, count: number): Annotation } {
  const rest = new Map(arrays);
  const take = (name: string) => {
    if (inputs.some((info) => info.name === name)) return undefined;
    const value = rest.get(name);
    rest.delete(name);
    return value;
  };
  const [labels, sources] = [LABELS.map(take).find((value) => value), take(SOURCE)];
  return {
    rest,
    of(index, count) {
      const label = labels && rowOf(labels, index, count, where);
      const source = sources && rowOf(sources, index, count, where)[0];
      return { ...(label && { labels: toLabels(label, where) }), ...(source !== undefined && { source: String(source) }) };
    },
  };
}

function rowOf({ data }: Value, index: number, count: number, where: string): readonly unknown[] {
  const width = data.length / count;
  if (Number.isInteger(width) && width > 0) return Array.from<unknown>(data.slice(index * width, (index + 1) * width));
  throw new TersorError('DATA_INVALID', where, `has ${data.length} labels or sources for ${count} samples`, 'give one each');
}

/** One label, or a list of them. @throws DATA_INVALID */
export function toLabels(value: unknown, where: string): readonly (string | number)[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  const labels = list.map((label) => (typeof label === 'bigint' ? Number(label) : label));
  if (labels.length > 0 && labels.every((label) => typeof label === 'string' || typeof label === 'number')) return labels;
  throw new TersorError(
    'DATA_INVALID',
    where,
    'has a label that is neither a number nor text',
    'give the number of the class, or its name',
  );
}
