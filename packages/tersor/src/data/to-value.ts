import type { Value, ValueData } from '../core/engine.ts';
import { TersorError } from '../core/error.ts';
import type { ValueInfo } from '../core/graph.ts';
import { halfBits, halfValue } from '../core/half.ts';

/** Nesting deeper than any tensor's rank is a mistake. */
const MAX_RANK = 16;

interface Range {
  readonly make: (length: number) => Exclude<ValueData, readonly string[]>;
  /** Legal values of integers; floats are rounded instead. */
  readonly range?: readonly [bigint, bigint];
}

const integer = (make: Range['make'], bits: bigint, signed: boolean): Range => ({
  make,
  range: signed ? [-(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n] : [0n, (1n << bits) - 1n],
});

const MAKE: Partial<Record<Value['dtype'], Range>> = {
  f64: { make: (n) => new Float64Array(n) },
  f32: { make: (n) => new Float32Array(n) },
  f16: { make: (n) => new Uint16Array(n) },
  i8: integer((n) => new Int8Array(n), 8n, true),
  i16: integer((n) => new Int16Array(n), 16n, true),
  i32: integer((n) => new Int32Array(n), 32n, true),
  i64: integer((n) => new BigInt64Array(n), 64n, true),
  u8: integer((n) => new Uint8Array(n), 8n, false),
  u16: integer((n) => new Uint16Array(n), 16n, false),
  u32: integer((n) => new Uint32Array(n), 32n, false),
  u64: integer((n) => new BigUint64Array(n), 64n, false),
  bool: integer((n) => new Uint8Array(n), 1n, false),
};

/** How the constructors and the types of other libraries are called here. */
const NAMES: Readonly<Record<string, Value['dtype']>> = {
  float64: 'f64',
  float32: 'f32',
  float16: 'f16',
  int8: 'i8',
  int16: 'i16',
  int32: 'i32',
  int64: 'i64',
  uint8: 'u8',
  uint16: 'u16',
  uint32: 'u32',
  uint64: 'u64',
  bool: 'bool',
  string: 'string',
  Float64Array: 'f64',
  Float32Array: 'f32',
  Float16Array: 'f16',
  Int8Array: 'i8',
  Int16Array: 'i16',
  Int32Array: 'i32',
  BigInt64Array: 'i64',
  Uint8Array: 'u8',
  Uint8ClampedArray: 'u8',
  Buffer: 'u8',
  Uint16Array: 'u16',
  Uint32Array: 'u32',
  BigUint64Array: 'u64',
};

type Scalar = number | bigint | boolean | string;

interface Raw {
  /** Absent for plain JavaScript numbers, which have the type that the input asks for. */
  readonly dtype?: Value['dtype'];
  /** Absent when only a flat list was given. */
  readonly shape?: readonly number[];
  readonly data: ArrayLike<Scalar>;
}

/**
 * Something a user wrote (a value with its shape, a typed array, numbers nested in arrays, one number) as the value that `info` asks for.
 * Integers are converted when that loses nothing; floats are rounded to the model's own type.
 * @throws DATA_INVALID naming the input, what was expected and what came
 */
export function toValue(raw: unknown, info: ValueInfo, where: string): Value {
  const place = `${where}: ${info.name}`;
  // Halves have no array of their own before Node 24: their bits are what a Uint16Array means here.
  const read = raw instanceof Uint16Array && info.dtype === 'f16' ? { dtype: info.dtype, data: raw } : readRaw(raw, place);
  const dtype = info.dtype ?? read.dtype ?? 'f32';
  const shape = read.shape ?? inferShape(read.data.length, info, place);
  const count = shape.reduce((product, dim) => product * dim, 1);
  if (count !== read.data.length)
    throw new TersorError('DATA_INVALID', place, `the shape [${shape}] asks for ${count} elements, but there are ${read.data.length}`);
  return { dtype, shape, data: convert(read, dtype, place) };
}

/** "f32 [N, 3, 224, 224]". */
export function describe({ dtype, shape }: Pick<ValueInfo, 'dtype' | 'shape'>): string {
  return `${dtype ?? 'any type'} ${shape ? `[${shape.map((dim) => dim ?? '?').join(', ')}]` : 'of any shape'}`;
}

/** @throws DATA_INVALID when rank or a fixed dimension differ */
export function checkShape(value: Value, info: ValueInfo, where: string): void {
  const { shape } = info;
  if (!shape) return;
  const fits = shape.length === value.shape.length && shape.every((dim, axis) => typeof dim !== 'number' || dim === value.shape[axis]);
  if (fits) return;
  throw new TersorError(
    'DATA_INVALID',
    `${where}: ${info.name}`,
    `expected ${describe(info)}, received ${describe(value)}`,
    'give every sample in this shape; in .npz files one more leading axis holds the samples',
  );
}

function readRaw(raw: unknown, where: string): Raw {
  if (isScalar(raw)) return { shape: [], data: [raw] };
  if (ArrayBuffer.isView(raw)) return { dtype: typeOf(raw.constructor.name, where), data: elementsOf(raw, where) };
  if (Array.isArray(raw)) return flatten(raw, where);
  if (typeof raw === 'object' && raw !== null && 'data' in raw) {
    const inner = readRaw(raw.data, where);
    const name: unknown = 'dtype' in raw ? raw.dtype : 'type' in raw ? raw.type : undefined;
    const shape = 'shape' in raw ? raw.shape : 'dims' in raw ? raw.dims : undefined;
    const dtype = name === undefined ? inner.dtype : typeOf(name, where);
    const dims = shape === undefined ? inner.shape : toDims(shape, where);
    return { data: inner.data, ...(dtype && { dtype }), ...(dims && { shape: dims }) };
  }
  throw new TersorError(
    'DATA_INVALID',
    where,
    `received ${raw === null ? 'null' : typeof raw}`,
    'give a typed array, nested arrays of numbers, or { data, shape }',
  );
}

function typeOf(name: unknown, where: string): Value['dtype'] {
  if (typeof name === 'string' && Object.hasOwn(NAMES, name)) return NAMES[name]!;
  if (typeof name === 'string' && (Object.hasOwn(MAKE, name) || name === 'string')) return name as Value['dtype'];
  throw new TersorError(
    'DATA_INVALID',
    where,
    `no element type is called ${String(name)}`,
    `known: ${Object.keys(MAKE).join(', ')}, string`,
  );
}

function elementsOf(view: ArrayBufferView, where: string): ArrayLike<Scalar> {
  if (view instanceof DataView) throw new TersorError('DATA_INVALID', where, 'received a DataView', 'give a typed array');
  return view as unknown as ArrayLike<number | bigint>;
}

function toDims(shape: unknown, where: string): number[] {
  if (!Array.isArray(shape) || shape.length > MAX_RANK || !shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0)) {
    throw new TersorError('DATA_INVALID', where, 'has a shape that is not a list of sizes');
  }
  return shape.map(Number);
}

function flatten(nested: readonly unknown[], where: string): Raw {
  const shape: number[] = [];
  for (let level: unknown = nested; Array.isArray(level); level = level[0]) {
    shape.push(level.length);
    if (shape.length > MAX_RANK) throw new TersorError('DATA_INVALID', where, `is nested more than ${MAX_RANK} deep`);
  }
  const flat: unknown[] = nested.flat(MAX_RANK);
  const even = (level: unknown, axis: number): boolean =>
    axis === shape.length
      ? !Array.isArray(level)
      : Array.isArray(level) && level.length === shape[axis] && level.every((inner) => even(inner, axis + 1));
  if (!even(nested, 0)) throw new TersorError('DATA_INVALID', where, 'has rows of different lengths');
  if (!flat.every(isScalar)) throw new TersorError('DATA_INVALID', where, 'holds elements that are neither numbers nor text');
  // A flat list says how many there are, not how they lie.
  return shape.length > 1 ? { shape, data: flat } : { data: flat };
}

function isScalar(value: unknown): value is Scalar {
  return typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean' || typeof value === 'string';
}

/** A flat list has the input's shape when that leaves no more than one size open. */
function inferShape(length: number, info: ValueInfo, where: string): number[] {
  const shape = info.shape ?? [undefined];
  // A batch that is left open is a batch of one, when another size is open too.
  const open = shape.flatMap((dim, axis) => (typeof dim === 'number' ? [] : [axis]));
  const guess = open.length > 1 && open[0] === 0 ? open.slice(1) : open;
  const known = shape.reduce<number>((product, dim) => product * (typeof dim === 'number' ? dim : 1), 1);
  const fits = guess.length === 0 ? known === length : guess.length === 1 && known > 0 && length % known === 0;
  if (!fits) {
    throw new TersorError(
      'DATA_INVALID',
      where,
      `expected ${describe(info)}, received ${length} elements without a shape`,
      'give { data, shape }',
    );
  }
  return shape.map((dim, axis) => (typeof dim === 'number' ? dim : guess.includes(axis) ? length / known : 1));
}

function convert({ data, dtype: from }: Raw, to: Value['dtype'], where: string): ValueData {
  if (to === 'string' || from === 'string' || typeof data[0] === 'string') {
    const text = Array.from(data);
    if (to === 'string' && text.every((item) => typeof item === 'string')) return text;
    throw mismatch(to, from ?? 'string', where);
  }
  const target = MAKE[to];
  if (!target) throw new TersorError('DATA_INVALID', where, `values of type ${to} cannot be given`);
  const result = target.make(data.length);
  // Same type: the bytes are the values, also for halves, whose bits come as integers.
  if (from === to && typeof data === 'object' && ArrayBuffer.isView(data) && data.constructor === result.constructor) {
    const same = data as unknown as typeof result;
    if (to !== 'bool' || same.every((bit) => Number(bit) <= 1)) return same;
  }
  const read = from === 'f16' && data instanceof Uint16Array ? (i: number) => halfValue(Number(data[i])) : (i: number) => data[i]!;
  for (let i = 0; i < data.length; i++) {
    const element = read(i);
    if (target.range) result[i] = toInteger(element, target.range, result, to, from, where);
    else result[i] = to === 'f16' ? halfBits(Number(element)) : toFloat(element, to, from, where);
  }
  return result;
}

function toInteger(
  element: Scalar,
  [lo, hi]: readonly [bigint, bigint],
  into: ValueData,
  to: Value['dtype'],
  from: Value['dtype'] | undefined,
  where: string,
): number | bigint {
  const whole = typeof element === 'bigint' ? element : Number.isInteger(Number(element)) ? BigInt(Number(element)) : undefined;
  if (whole === undefined || whole < lo || whole > hi) throw mismatch(to, from, where, element);
  return into instanceof BigInt64Array || into instanceof BigUint64Array ? whole : Number(whole);
}

function toFloat(element: Scalar, to: Value['dtype'], from: Value['dtype'] | undefined, where: string): number {
  const value = Number(element);
  const isInteger = typeof element === 'bigint' || (from !== undefined && !from.startsWith('f'));
  if (isInteger && to === 'f32' && Math.fround(value) !== value) throw mismatch(to, from, where, element);
  return value;
}

function mismatch(to: Value['dtype'], from: Value['dtype'] | undefined, where: string, element?: Scalar): TersorError {
  const what = element === undefined ? `received ${from}` : `received ${from ? `${from} ` : ''}${element}, which it cannot hold`;
  return new TersorError('DATA_INVALID', where, `expected ${to}, ${what}`, `convert it to ${to} where the data is made`);
}
