import { TersorError } from '../../core/error.ts';

/** What says that a file is one of several. */
export const SPLIT = { number: 'split.no', count: 'split.count', tensors: 'split.tensors.count' } as const;

const NAME = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/s;

/** How the parts of a model are called, when `name` is one of `count`; undefined when it is no such name. */
export function partNames(name: string, count: number): readonly string[] | undefined {
  const [, stem = '', number, of] = NAME.exec(name) ?? [];
  if (number === undefined || Number(of) !== count || Number(number) < 1 || Number(number) > count) return undefined;
  const digits = (value: number) => String(value).padStart(5, '0');
  return Array.from({ length: count }, (_, i) => `${stem}-${digits(i + 1)}-of-${digits(count)}.gguf`);
}

/** The files that a model of `count` parts is written to: one for each where the name is of that kind, otherwise one. @throws USAGE for a name that says something else */
export function outputNames(name: string, count: number): readonly string[] {
  if (!NAME.test(name)) return [name];
  const names = count > 1 ? partNames(name, count) : undefined;
  if (names?.[0] === name) return names;
  const advice = count > 1 ? `name it model-00001-of-${String(count).padStart(5, '0')}.gguf, or ` : '';
  throw new TersorError(
    'USAGE',
    name,
    `is the name of a part, and the model has ${count} of them`,
    `${advice}give it a name without numbers for a single file`,
  );
}
