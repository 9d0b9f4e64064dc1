import { type DType, elementsOf, type Shape } from '../dtype.ts';
import { intAttribute, type Node } from '../graph.ts';
import { elementwise, expand, isInteger, MAX_ELEMENTS, where } from './arithmetic.ts';
import { type Computable, fit, integersIn, isComputable, type Known, knownIntegers, knownOf, type Scalar } from './known.ts';
import { axesOf, eachPosition, normalizeAxes, stridesOf, viewsOf } from './view.ts';

/** What is known of a node's input: its values, or at least its shape. Free dimensions are undefined. */
export interface Operand {
  readonly known?: Known;
  readonly shape?: readonly (number | undefined)[];
}

/** ONNX's numbers for element types, as Cast names them. */
const CAST_TYPES: Readonly<Record<number, DType>> = {
  1: 'f32',
  2: 'u8',
  3: 'i8',
  4: 'u16',
  5: 'i16',
  6: 'i32',
  7: 'i64',
  9: 'bool',
  10: 'f16',
  11: 'f64',
  12: 'u32',
  13: 'u64',
  16: 'bf16',
};

/**
 * The outputs of one ai.onnx operator on small tensors, exactly as a runtime computes them: the operators that exporters write around
 * shapes and scalars. Undefined when the operator is not among them, its operands are not known, or the result has more than 65,536
 * elements. Elements that depend on something unknown are undefined.
 */
export function evaluate(node: Node, opset: number, operands: readonly Operand[]): readonly Known[] | undefined {
  if (node.domain !== '') return undefined;
  const known = (input: number) => operands[input]?.known;
  if (node.op === 'Shape' || node.op === 'Size') return one(shapeOf(node, operands[0]?.shape));
  if (node.op === 'ConstantOfShape') return one(filled(node, integersIn(known(0))));
  const inputs = operands.map((operand) => operand.known);
  if (!inputs.every((input, i) => input !== undefined || node.inputs[i] === '') || !inputs[0]) return undefined;
  const first = inputs[0];
  const present = inputs.filter((input) => input !== undefined);
  const views = viewsOf(node, opset, first.shape, (input) => integersIn(known(input)));
  if (views) {
    return views.map((view) => {
      const values: (Scalar | undefined)[] = [];
      eachPosition(view, (from) => values.push(first.values[from]));
      return { dtype: first.dtype, shape: view.shape, values };
    });
  }
  switch (node.op) {
    case 'Concat':
      return one(concatenated(present, intAttribute(node, 'axis', 0)));
    case 'Gather':
      return one(gathered(first, known(1), intAttribute(node, 'axis', 0)));
    case 'Cast':
      return one(cast(first, castType(node)));
    case 'Where':
      return present.length === 3 ? one(where(first, present[1]!, present[2]!)) : undefined;
    case 'Expand':
      return one(expanded(first, integersIn(known(1))));
    case 'Range':
      return present.length === 3 ? one(range(present)) : undefined;
    case 'ReduceProd':
    case 'ReduceSum':
    case 'ReduceMin':
    case 'ReduceMax':
      return one(reduced(node, opset, first, (input) => integersIn(known(input))));
    default:
      // Before opset 7 broadcasting was spelled out by attributes.
      return opset >= 7 && present.length === inputs.length ? one(elementwise(node.op, present)) : undefined;
  }
}

/** The type a Cast makes; undefined for types that hold no plain numbers. */
export function castType(node: Node): DType | undefined {
  return CAST_TYPES[intAttribute(node, 'to', 0)];
}

function one(result: Known | undefined): readonly Known[] | undefined {
  return result && [result];
}

function shapeOf(node: Node, shape: readonly (number | undefined)[] | undefined): Known | undefined {
  if (!shape) return undefined;
  if (node.op === 'Size')
    return knownIntegers(
      [shape.reduce<number | undefined>((size, n) => (size === undefined || n === undefined ? undefined : size * n), 1)],
      [],
    );
  return knownIntegers(shape.slice(intAttribute(node, 'start', 0), intAttribute(node, 'end', shape.length)));
}

function filled(node: Node, shape: readonly number[] | undefined): Known | undefined {
  const attribute = node.attributes.get('value');
  const value = attribute?.kind === 'tensor' ? knownOf(attribute.value) : ({ dtype: 'f32', shape: [1], values: [0] } as const);
  if (!shape || !value || value.values.length !== 1 || !isSmallShape(shape)) return undefined;
  return { dtype: value.dtype, shape, values: new Array<Scalar | undefined>(elementsOf(shape)).fill(value.values[0]) };
}

function isSmallShape(shape: Shape): boolean {
  return shape.every((dimension) => dimension >= 0) && elementsOf(shape) <= MAX_ELEMENTS;
}

function concatenated(parts: readonly Known[], axis: number): Known | undefined {
  const [first] = parts;
  const [at] = normalizeAxes([axis], first?.shape.length ?? 0) ?? [];
  if (!first || at === undefined || parts.some((part) => part.dtype !== first.dtype || part.shape.length !== first.shape.length))
    return undefined;
  if (parts.some((part) => part.shape.some((dimension, i) => i !== at && dimension !== first.shape[i]))) return undefined;
  const shape = first.shape.with(
    at,
    parts.reduce((sum, part) => sum + part.shape[at]!, 0),
  );
  if (!isSmallShape(shape)) return undefined;
  const outer = elementsOf(shape.slice(0, at));
  const values = Array.from({ length: outer }, (_, row) =>
    parts.flatMap((part) => {
      const run = part.values.length / outer;
      return part.values.slice(row * run, (row + 1) * run);
    }),
  );
  return { dtype: first.dtype, shape, values: values.flat() };
}

function gathered(data: Known, indices: Known | undefined, axis: number): Known | undefined {
  const positions = integersIn(indices);
  const [at] = normalizeAxes([axis], data.shape.length) ?? [];
  if (!positions || !indices || at === undefined) return undefined;
  const length = data.shape[at] ?? 0;
  const shape = [...data.shape.slice(0, at), ...indices.shape, ...data.shape.slice(at + 1)];
  if (!isSmallShape(shape) || positions.some((position) => position < -length || position >= length)) return undefined;
  const inner = elementsOf(data.shape.slice(at + 1));
  const values: (Scalar | undefined)[] = [];
  for (let outer = 0; outer < elementsOf(data.shape.slice(0, at)); outer++) {
    for (const position of positions) {
      const start = (outer * length + (position < 0 ? position + length : position)) * inner;
      values.push(...data.values.slice(start, start + inner));
    }
  }
  return { dtype: data.dtype, shape, values };
}

/** Out of range is up to the runtime, so it is not known here; so is what a 64-bit integer becomes where the float has no room for it. */
function cast({ dtype: from, shape, values }: Known, to: DType | undefined): Known | undefined {
  if (!isComputable(to) || (from === 'f64' && to === 'f16')) return undefined;
  return { dtype: to, shape, values: values.map((value) => (value === undefined ? undefined : castScalar(value, from, to))) };
}

function castScalar(value: Scalar, from: Computable, to: Computable): Scalar | undefined {
  if (to === 'bool') return value ? 1 : 0;
  if (!isInteger(from) && isInteger(to)) {
    const whole = Math.trunc(Number(value));
    return Number.isSafeInteger(whole) && Number(fit(to, BigInt(whole))) === whole ? fit(to, BigInt(whole)) : undefined;
  }
  const exactLimit = to === 'f16' ? 2 ** 24 : 2 ** 53;
  return isInteger(from) && !isInteger(to) && Math.abs(Number(value)) >= exactLimit ? undefined : fit(to, value);
}

function expanded(data: Known, target: readonly number[] | undefined): Known | undefined {
  if (!target || !isSmallShape(target)) return undefined;
  const rank = Math.max(target.length, data.shape.length);
  const shape: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const own = data.shape[axis - rank + data.shape.length] ?? 1;
    const asked = target[axis - rank + target.length] ?? 1;
    if (own !== asked && own !== 1 && asked !== 1) return undefined;
    shape.push(own === 1 ? asked : own);
  }
  return expand(data, shape);
}

function range([start, limit, delta]: readonly Known[]): Known | undefined {
  const dtype = start?.dtype;
  const bounds = [start, limit, delta].map((bound) => bound?.values[0]);
  if (!dtype || !isInteger(dtype) || bounds.some((bound) => bound === undefined)) return undefined;
  const [from = 0, to = 0, step = 0] = bounds.map(Number);
  const count = Math.max(0, Math.ceil((to - from) / step));
  if (!(count <= MAX_ELEMENTS)) return undefined;
  return { dtype, shape: [count], values: Array.from({ length: count }, (_, i) => fit(dtype, BigInt(from + i * step))) };
}

const REDUCERS: Readonly<Record<string, 'Mul' | 'Add' | 'Min' | 'Max'>> = {
  ReduceProd: 'Mul',
  ReduceSum: 'Add',
  ReduceMin: 'Min',
  ReduceMax: 'Max',
};

/** Integers only: the order in which a runtime adds floats is its own. */
function reduced(node: Node, opset: number, data: Known, parameter: (input: number) => readonly number[] | undefined): Known | undefined {
  const reducer = REDUCERS[node.op];
  const given = axesOf(node, opset, node.op === 'ReduceSum' ? 13 : 18, 1, parameter);
  if (!given || !reducer || !isInteger(data.dtype) || data.values.length === 0) return undefined;
  if (given.length === 0 && intAttribute(node, 'noop_with_empty_axes', 0) !== 0) return data;
  const axes = given.length === 0 ? data.shape.map((_, axis) => axis) : normalizeAxes(given, data.shape.length);
  if (!axes) return undefined;
  const kept = data.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const order = [...kept, ...axes];
  const strides = stridesOf(data.shape);
  const sorted: (Scalar | undefined)[] = [];
  eachPosition({ shape: order.map((axis) => data.shape[axis]!), offset: 0, strides: order.map((axis) => strides[axis]!) }, (from) =>
    sorted.push(data.values[from]),
  );
  const run = elementsOf(axes.map((axis) => data.shape[axis]!));
  const scalar = (value: Scalar | undefined): Known => ({ dtype: data.dtype, shape: [], values: [value] });
  const values = Array.from(
    { length: sorted.length / run },
    (_, i) =>
      sorted
        .slice(i * run, (i + 1) * run)
        .map(scalar)
        .reduce((a, b) => elementwise(reducer, [a, b]) ?? scalar(undefined)).values[0],
  );
  const keep = intAttribute(node, 'keepdims', 1) !== 0;
  const shape = keep ? data.shape.map((dimension, axis) => (axes.includes(axis) ? 1 : dimension)) : kept.map((axis) => data.shape[axis]!);
  return { dtype: data.dtype, shape, values };
}
