import { TersorError } from './error.ts';
import { nearest } from './nearest.ts';

/** One option, described once. Types, defaults, CLI flags, help, docs, the recipe's JSON schema and the search space all come from it. */
export interface Option<T> {
  readonly doc: string;
  readonly default: T;
  /** What a legal value looks like, for messages and help: "integer 2..8". */
  readonly expects: string;
  /** The same for machines: a JSON Schema fragment. */
  readonly schema: Readonly<Record<string, unknown>>;
  /** Values worth trying when a budget is searched. Absent: never searched. */
  readonly search?: readonly T[];
  /** The value, from JSON or from a flag's text; undefined when it is not legal. */
  parse(raw: unknown): T | undefined;
}

// biome-ignore lint/suspicious/noExplicitAny: options of different types live in one record
export type Options = Readonly<Record<string, Option<any>>>;
export type Values<O extends Options> = { readonly [K in keyof O]: O[K] extends Option<infer T> ? T : never };

interface Describe<T> {
  readonly default: T;
  readonly doc: string;
  readonly search?: readonly T[];
}

export function integer(min: number, max: number, about: Describe<number>): Option<number> {
  return {
    ...about,
    expects: `integer ${min}..${max}`,
    schema: { type: 'integer', minimum: min, maximum: max },
    parse: (raw) => within(toNumber(raw), min, max, Number.isInteger),
  };
}

export function number(min: number, max: number, about: Describe<number>): Option<number> {
  return {
    ...about,
    expects: `number ${min}..${max}`,
    schema: { type: 'number', minimum: min, maximum: max },
    parse: (raw) => within(toNumber(raw), min, max, Number.isFinite),
  };
}

export function boolean(about: Describe<boolean>): Option<boolean> {
  return {
    ...about,
    expects: 'true | false',
    schema: { type: 'boolean' },
    parse: (raw) => (raw === true || raw === 'true' ? true : raw === false || raw === 'false' ? false : undefined),
  };
}

/** One of some words, in whatever case they are written, or numbers. */
export function oneOf<const T extends string | number>(values: readonly T[], about: Describe<NoInfer<T>>): Option<T> {
  return {
    ...about,
    expects: values.join(' | '),
    schema: { enum: values },
    parse: (raw) => values.find((value) => String(value).toLowerCase() === String(raw).toLowerCase()),
  };
}

/** The path of a file; '' where there is none. */
export function file(about: Describe<string>): Option<string> {
  return {
    ...about,
    expects: 'file',
    schema: { type: 'string' },
    parse: (raw) => (typeof raw === 'string' ? raw : undefined),
  };
}

/** Some names; on the command line separated by commas. */
export function names(about: Describe<readonly string[]>): Option<readonly string[]> {
  return {
    ...about,
    expects: 'names, separated by commas',
    schema: { type: 'array', items: { type: 'string' } },
    parse: (raw) => {
      const list: readonly unknown[] | undefined =
        typeof raw === 'string' ? raw.split(',').map((name) => name.trim()) : Array.isArray(raw) ? raw : undefined;
      return list?.every((name): name is string => typeof name === 'string') ? list.filter((name) => name !== '') : undefined;
    },
  };
}

/**
 * The values of `options` given in `raw`, with defaults for the others.
 * @throws OPTION_UNKNOWN with the nearest name, OPTION_VALUE with what is legal
 */
export function parseOptions<O extends Options>(where: string, options: O, raw: Readonly<Record<string, unknown>>): Values<O> {
  for (const name of Object.keys(raw)) {
    if (Object.hasOwn(options, name)) continue;
    const close = nearest(name, Object.keys(options));
    throw new TersorError(
      'OPTION_UNKNOWN',
      where,
      `no option "${name}"`,
      close ? `did you mean "${close}"?` : `it takes ${Object.keys(options).join(', ') || 'no options'}`,
    );
  }
  const entries = Object.entries(options).map(([name, option]) => {
    if (raw[name] === undefined) return [name, option.default];
    const value: unknown = option.parse(raw[name]);
    if (value === undefined)
      throw new TersorError('OPTION_VALUE', where, `${name} = ${JSON.stringify(raw[name])}`, `it takes ${option.expects}`);
    return [name, value];
  });
  return Object.fromEntries(entries) as Values<O>;
}

function toNumber(raw: unknown): number {
  if (typeof raw === 'number') return raw;
  return typeof raw === 'string' && raw.trim() !== '' ? Number(raw) : Number.NaN;
}

function within(value: number, min: number, max: number, legal: (value: number) => boolean): number | undefined {
  return legal(value) && value >= min && value <= max ? value : undefined;
}
