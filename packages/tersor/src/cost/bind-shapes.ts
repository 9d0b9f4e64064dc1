import type { ShapeOrigin } from '../core/cost.ts';
import { TersorError } from '../core/error.ts';
import type { ValueInfo } from '../core/graph.ts';
import { nearest } from '../core/nearest.ts';
import { count } from './value.ts';

/** Sizes that a user gives: of an input all of them, of a symbol ("sequence") one. */
export type AskedShapes = Readonly<Record<string, number | readonly number[]>>;

export interface Bound {
  readonly name: string;
  /** What is still open is undefined; absent where the file does not state the rank. */
  readonly shape?: readonly (number | string | undefined)[];
  readonly from: ShapeOrigin;
}

/** More elements in one input are a mistake. */
const MOST_ELEMENTS = 2 ** 40;

/**
 * The inputs with the sizes that the user gives. A symbol that one input's shape gives a size has that size in the others, too.
 * @throws OPTION_VALUE for a name that is neither input nor symbol, another rank, or another size than the file fixes
 */
export function bindShapes(inputs: readonly ValueInfo[], asked: AskedShapes): Bound[] {
  const symbols = new Map<string, number>();
  const known = [
    ...inputs.map(({ name }) => name),
    ...inputs.flatMap(({ shape = [] }) => shape.filter((size) => typeof size === 'string')),
  ];
  for (const [name, given] of Object.entries(asked)) {
    const input = inputs.find((each) => each.name === name);
    const sizes = typeof given === 'number' ? [given] : given;
    if (!known.includes(name)) throw unknown(name, known);
    if (count(...sizes) === undefined || (count(...sizes) ?? 0) > MOST_ELEMENTS || !sizes.every((size) => Number.isInteger(size)))
      throw new TersorError('OPTION_VALUE', `--shape ${name}`, `${sizes.join(',')}`, 'it takes whole numbers whose product is below 2^40');
    if (!input) bind(symbols, name, sizes, name);
    else
      checkShape(input, sizes).forEach((size, axis) => {
        const symbol = input.shape?.[axis];
        if (typeof symbol === 'string') bind(symbols, symbol, [size], name);
      });
  }
  return inputs.map(({ name, shape }): Bound => {
    const given = asked[name];
    if (Object.hasOwn(asked, name) && inputs.some((input) => input.name === name)) {
      return { name, shape: typeof given === 'number' ? [given] : (given ?? []), from: 'asked' };
    }
    if (!shape) return { name, from: 'file' };
    const sizes = shape.map((size) => (typeof size === 'string' ? (symbols.get(size) ?? size) : size));
    return { name, shape: sizes, from: sizes.some((size, axis) => size !== shape[axis]) ? 'asked' : 'file' };
  });
}

function checkShape({ name, shape }: ValueInfo, sizes: readonly number[]): readonly number[] {
  const fits =
    !shape || (shape.length === sizes.length && shape.every((size, axis) => typeof size !== 'number' || size <= 0 || size === sizes[axis]));
  if (fits) return sizes;
  const stated = shape?.map((size) => size ?? '?').join(', ');
  throw new TersorError('OPTION_VALUE', `--shape ${name}`, sizes.join(','), `the model fixes it: [${stated}]`);
}

function bind(symbols: Map<string, number>, symbol: string, sizes: readonly number[], where: string): void {
  const [size] = sizes;
  if (size === undefined || sizes.length > 1)
    throw new TersorError('OPTION_VALUE', `--shape ${where}`, sizes.join(','), 'a free size takes one number, such as sequence=128');
  const before = symbols.get(symbol);
  if (before !== undefined && before !== size)
    throw new TersorError('OPTION_VALUE', `--shape ${where}`, `"${symbol}" is ${size}`, `another --shape makes it ${before}`);
  symbols.set(symbol, size);
}

function unknown(name: string, known: readonly string[]): TersorError {
  const close = nearest(name, known);
  return new TersorError(
    'OPTION_VALUE',
    `--shape ${name}`,
    'is neither an input nor a free size of the model',
    close ? `did you mean "${close}"?` : `the model has ${known.join(', ')}`,
  );
}
