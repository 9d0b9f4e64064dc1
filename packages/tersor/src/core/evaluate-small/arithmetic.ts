import { elementsOf, type Shape } from '../dtype.ts';
import { type Computable, fit, type Known, type Scalar } from './known.ts';
import { eachPosition, stridesOf } from './view.ts';

/** Elements a small evaluation may make, whatever it is made of. */
export const MAX_ELEMENTS = 65_536;

/** A result that is not known: division by zero, a float that no integer can hold, ... */
type Maybe = Scalar | undefined;

/** Operators on equal types, with broadcasting; the result has the operands' type. */
const BINARY: Readonly<Record<string, (a: Scalar, b: Scalar, dtype: Computable) => Maybe>> = {
  Add: (a, b, dtype) =>
    combine(
      a,
      b,
      dtype,
      (x, y) => x + y,
      (x, y) => x + y,
    ),
  Sub: (a, b, dtype) =>
    combine(
      a,
      b,
      dtype,
      (x, y) => x - y,
      (x, y) => x - y,
    ),
  Mul: (a, b, dtype) =>
    combine(
      a,
      b,
      dtype,
      (x, y) => x * y,
      (x, y) => x * y,
    ),
  Div: (a, b, dtype) => (isInteger(dtype) ? quotient(a, b) : Number(a) / Number(b)),
  Mod: (a, b, dtype) => (isInteger(dtype) ? remainder(a, b) : undefined),
  Min: (a, b) => ordered(a, b)?.[0],
  Max: (a, b) => ordered(a, b)?.[1],
  And: (a, b) => Number(a) & Number(b),
  Or: (a, b) => Number(a) | Number(b),
  Xor: (a, b) => Number(a) ^ Number(b),
};

/** Comparisons: the result is a boolean. */
const COMPARISONS: Readonly<Record<string, (a: Scalar, b: Scalar) => boolean>> = {
  Equal: (a, b) => a === b,
  Greater: (a, b) => a > b,
  GreaterOrEqual: (a, b) => a >= b,
  Less: (a, b) => a < b,
  LessOrEqual: (a, b) => a <= b,
};

/** Only those that every machine rounds the same way: no Exp, no Pow. */
const UNARY: Readonly<Record<string, (a: Scalar) => Maybe>> = {
  Neg: (a) => -a,
  Abs: (a) => (typeof a === 'bigint' ? (a < 0n ? -a : a) : Math.abs(a)),
  Floor: (a) => (typeof a === 'bigint' ? a : Math.floor(a)),
  Ceil: (a) => (typeof a === 'bigint' ? a : Math.ceil(a)),
  Sqrt: (a) => Math.sqrt(Number(a)),
  Reciprocal: (a) => 1 / Number(a),
  Not: (a) => (a ? 0 : 1),
};

/** An elementwise operator on small tensors; undefined when it is none, or when shapes or types do not fit. */
export function elementwise(op: string, operands: readonly Known[]): Known | undefined {
  const [first, second] = operands;
  if (!first) return undefined;
  const unary = UNARY[op];
  if (unary) {
    if (operands.length !== 1) return undefined;
    return { ...first, values: first.values.map((a) => fitted(first.dtype, a === undefined ? undefined : unary(a))) };
  }
  const comparison = COMPARISONS[op];
  if (comparison) return second && operands.length === 2 ? broadcast(first, second, 'bool', (a, b) => Number(comparison(a, b))) : undefined;
  const binary = BINARY[op];
  if (!binary) return undefined;
  const variadic = op === 'Min' || op === 'Max';
  if (!variadic && operands.length !== 2) return undefined;
  return operands
    .slice(1)
    .reduce<Known | undefined>((left, right) => left && broadcast(left, right, left.dtype, (a, b) => binary(a, b, left.dtype)), first);
}

/** `condition ? a : b`, all three broadcast. */
export function where(condition: Known, a: Known, b: Known): Known | undefined {
  const shape = broadcastShape(broadcastShape(condition.shape, a.shape), b.shape);
  if (!shape || a.dtype !== b.dtype) return undefined;
  const [c, x, y] = [expand(condition, shape), expand(a, shape), expand(b, shape)];
  const values = c?.values.map((flag, i) => (flag === undefined ? undefined : flag ? x?.values[i] : y?.values[i]));
  return values && { dtype: a.dtype, shape, values };
}

/** The tensor repeated to `shape`, which is at least its own shape and small. */
export function expand({ dtype, shape: from, values }: Known, shape: Shape): Known | undefined {
  if (elementsOf(shape) > MAX_ELEMENTS || from.length > shape.length) return undefined;
  const lead = shape.length - from.length;
  const own = stridesOf(from);
  const strides = shape.map((_, axis) => (axis < lead || from[axis - lead] === 1 ? 0 : (own[axis - lead] ?? 0)));
  const result: (Scalar | undefined)[] = [];
  eachPosition({ shape, offset: 0, strides }, (position) => result.push(values[position]));
  return { dtype, shape, values: result };
}

/** The common shape of two operands; undefined when they do not fit or the result is not small. */
function broadcastShape(a: Shape | undefined, b: Shape): Shape | undefined {
  if (!a) return undefined;
  const rank = Math.max(a.length, b.length);
  const shape: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const x = a[axis - rank + a.length] ?? 1;
    const y = b[axis - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) return undefined;
    shape.push(x === 1 ? y : x);
  }
  return elementsOf(shape) <= MAX_ELEMENTS ? shape : undefined;
}

function broadcast(a: Known, b: Known, dtype: Computable, compute: (a: Scalar, b: Scalar) => Maybe): Known | undefined {
  const shape = broadcastShape(a.shape, b.shape);
  if (!shape || a.dtype !== b.dtype) return undefined;
  const [x, y] = [expand(a, shape), expand(b, shape)];
  if (!x || !y) return undefined;
  const values = x.values.map((left, i) => {
    const right = y.values[i];
    return fitted(dtype, left === undefined || right === undefined ? undefined : compute(left, right));
  });
  return { dtype, shape, values };
}

function fitted(dtype: Computable, value: Maybe): Maybe {
  if (value === undefined || (typeof value === 'number' && isInteger(dtype) && !Number.isInteger(value))) return undefined;
  return fit(dtype, value);
}

export function isInteger(dtype: Computable): boolean {
  return dtype !== 'f64' && dtype !== 'f32' && dtype !== 'f16';
}

/** Integers go through bigint: sums and products may pass 2^53 before they wrap around. */
function combine(
  a: Scalar,
  b: Scalar,
  dtype: Computable,
  floats: (a: number, b: number) => number,
  integers: (a: bigint, b: bigint) => bigint,
): Scalar {
  return isInteger(dtype) ? integers(BigInt(a), BigInt(b)) : floats(Number(a), Number(b));
}

/** The smaller and the larger; runtimes disagree about NaN. */
function ordered(a: Scalar, b: Scalar): readonly [Scalar, Scalar] | undefined {
  if (Number.isNaN(a) || Number.isNaN(b)) return undefined;
  return a <= b ? [a, b] : [b, a];
}

/** Towards zero, as C does. */
function quotient(a: Scalar, b: Scalar): Maybe {
  return BigInt(b) === 0n ? undefined : BigInt(a) / BigInt(b);
}

/** With the sign of the divisor, as Python does. */
function remainder(a: Scalar, b: Scalar): Maybe {
  const divisor = BigInt(b);
  if (divisor === 0n) return undefined;
  const rest = BigInt(a) % divisor;
  return rest !== 0n && rest < 0n !== divisor < 0n ? rest + divisor : rest;
}
