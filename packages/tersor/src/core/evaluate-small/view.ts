import { elementsOf, type Shape } from '../dtype.ts';
import { intAttribute, intsAttribute, type Node } from '../graph.ts';

/** Some elements of a tensor in a new shape: element `[i, j, ...]` is the source's element `offset + i * strides[0] + j * strides[1] + ...`. */
export interface View {
  readonly shape: Shape;
  readonly offset: number;
  readonly strides: readonly number[];
}

/** The integer values of a node's input, when they are known. */
type Parameter = (input: number) => readonly number[] | undefined;

/**
 * What an operator that only moves elements makes of its first input: one view per output. Undefined when the operator computes something,
 * or when its parameters are unknown or make no sense. Never more elements than the input has.
 */
export function viewsOf(node: Node, opset: number, shape: Shape, parameter: Parameter): readonly View[] | undefined {
  if (node.domain !== '') return undefined;
  const reshaped = reshapedTo(node, opset, shape, parameter);
  if (reshaped)
    return elementsOf(reshaped) === elementsOf(shape) ? [{ shape: reshaped, offset: 0, strides: stridesOf(reshaped) }] : undefined;
  switch (node.op) {
    case 'Transpose':
      return transposed(shape, intsAttribute(node, 'perm') ?? shape.map((_, axis) => shape.length - 1 - axis));
    case 'Slice':
      return sliced(node, opset, shape, parameter);
    case 'Split':
      return split(node, opset, shape, parameter);
    default:
      return undefined;
  }
}

/** Row-major strides, in elements. */
export function stridesOf(shape: Shape): number[] {
  return shape.map((_, axis) => elementsOf(shape.slice(axis + 1)));
}

/** Whether the view is the source's own elements in their own order. */
export function isWhole(view: View, source: Shape): boolean {
  return (
    view.offset === 0 &&
    elementsOf(view.shape) === elementsOf(source) &&
    stridesOf(view.shape).every((stride, axis) => stride === view.strides[axis] || view.shape[axis] === 1)
  );
}

/** Calls `visit` with the source position of every element, in order. */
export function eachPosition({ shape, offset, strides }: View, visit: (from: number, to: number) => void): void {
  const count = elementsOf(shape);
  const index = shape.map(() => 0);
  for (let to = 0, from = offset; to < count; to++) {
    visit(from, to);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      index[axis] = index[axis]! + 1;
      if (index[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
}

/** Counts axes from the front; undefined when one is out of range or named twice. */
export function normalizeAxes(axes: readonly number[] | undefined, rank: number): number[] | undefined {
  const normal = axes?.map((axis) => (axis < 0 ? axis + rank : axis));
  const legal = normal?.every((axis) => axis >= 0 && axis < rank) && new Set(normal).size === normal.length;
  return legal ? normal : undefined;
}

/** Axes from the attribute (before `since`) or from an input. `[]` stands for "not given". */
export function axesOf(node: Node, opset: number, since: number, input: number, parameter: Parameter): readonly number[] | undefined {
  if (opset < since) return intsAttribute(node, 'axes') ?? [];
  return node.inputs[input] ? parameter(input) : [];
}

function reshapedTo(node: Node, opset: number, shape: Shape, parameter: Parameter): Shape | undefined {
  switch (node.op) {
    case 'Identity':
      return shape;
    case 'Reshape':
      return reshapeTarget(shape, parameter(1), intAttribute(node, 'allowzero', 0) !== 0);
    case 'Flatten': {
      const axis = intAttribute(node, 'axis', 1);
      const at = axis < 0 ? axis + shape.length : axis;
      return [elementsOf(shape.slice(0, at)), elementsOf(shape.slice(at))];
    }
    case 'Squeeze': {
      const given = axesOf(node, opset, 13, 1, parameter);
      if (!given) return undefined;
      if (given.length === 0) return shape.filter((dimension) => dimension !== 1);
      const axes = normalizeAxes(given, shape.length);
      return axes?.every((axis) => shape[axis] === 1) ? shape.filter((_, axis) => !axes.includes(axis)) : undefined;
    }
    case 'Unsqueeze': {
      const given = axesOf(node, opset, 13, 1, parameter);
      const axes = normalizeAxes(given, shape.length + (given?.length ?? 0));
      if (!axes) return undefined;
      const rest = shape[Symbol.iterator]();
      return Array.from({ length: shape.length + axes.length }, (_, axis) => (axes.includes(axis) ? 1 : (rest.next().value ?? 1)));
    }
    default:
      return undefined;
  }
}

/** The shape that Reshape makes; undefined when it cannot be told. */
function reshapeTarget(shape: Shape, target: readonly number[] | undefined, allowZero: boolean): Shape | undefined {
  if (!target || target.filter((dimension) => dimension === -1).length > 1) return undefined;
  const copied = target.map((dimension, axis) => (dimension === 0 && !allowZero ? (shape[axis] ?? Number.NaN) : dimension));
  const rest = elementsOf(copied.filter((dimension) => dimension !== -1));
  const filled = copied.map((dimension) => (dimension === -1 ? elementsOf(shape) / rest : dimension));
  return filled.every((dimension) => Number.isSafeInteger(dimension) && dimension >= 0) ? filled : undefined;
}

function transposed(shape: Shape, order: readonly number[]): readonly View[] | undefined {
  const axes = normalizeAxes(order, shape.length);
  if (axes?.length !== shape.length) return undefined;
  const strides = stridesOf(shape);
  return [{ shape: axes.map((axis) => shape[axis] ?? 1), offset: 0, strides: axes.map((axis) => strides[axis] ?? 1) }];
}

function sliced(node: Node, opset: number, shape: Shape, parameter: Parameter): readonly View[] | undefined {
  const asInputs = opset >= 10;
  const starts = asInputs ? parameter(1) : intsAttribute(node, 'starts');
  const ends = asInputs ? parameter(2) : intsAttribute(node, 'ends');
  const given = asInputs ? axesOf(node, opset, 10, 3, parameter) : (intsAttribute(node, 'axes') ?? []);
  const steps = asInputs && node.inputs[4] ? parameter(4) : starts?.map(() => 1);
  if (!starts || !ends || !given || !steps) return undefined;
  const axes = normalizeAxes(given.length === 0 ? starts.map((_, axis) => axis) : given, shape.length);
  if (axes?.length !== starts.length || ends.length !== starts.length || steps.length !== starts.length) return undefined;
  const strides = stridesOf(shape);
  const lengths = [...shape];
  let offset = 0;
  for (const [i, axis] of axes.entries()) {
    const length = shape[axis] ?? 0;
    const step = steps[i] ?? 1;
    if (step === 0) return undefined;
    const start = clampTo(starts[i] ?? 0, length, step > 0 ? [0, length] : [0, length - 1]);
    const end = clampTo(ends[i] ?? 0, length, step > 0 ? [0, length] : [-1, length - 1]);
    lengths[axis] = Math.max(0, Math.ceil((end - start) / step));
    offset += start * (strides[axis] ?? 1);
    strides[axis] = (strides[axis] ?? 1) * step;
  }
  return [{ shape: lengths, offset, strides }];
}

/** A position as Slice counts it: negative from the end, then into the range. */
function clampTo(position: number, length: number, [low, high]: readonly [number, number]): number {
  return Math.min(high, Math.max(low, position < 0 ? position + length : position));
}

function split(node: Node, opset: number, shape: Shape, parameter: Parameter): readonly View[] | undefined {
  const axis = normalizeAxes([intAttribute(node, 'axis', 0)], shape.length)?.[0];
  if (axis === undefined) return undefined;
  const length = shape[axis] ?? 0;
  const given = opset < 13 ? intsAttribute(node, 'split') : node.inputs[1] ? parameter(1) : undefined;
  if (!given && opset >= 13 && node.inputs[1]) return undefined;
  const parts = node.outputs.length;
  const chunk = Math.ceil(length / parts);
  const lengths = given ?? Array.from({ length: parts }, (_, i) => Math.min(chunk, length - i * chunk));
  const legal = lengths.length === parts && lengths.every((part) => part >= 0) && lengths.reduce((sum, part) => sum + part, 0) === length;
  if (!legal || (!given && opset < 18 && length % parts !== 0)) return undefined;
  const strides = stridesOf(shape);
  let start = 0;
  return lengths.map((part) => {
    const offset = start * (strides[axis] ?? 1);
    start += part;
    return { shape: shape.map((dimension, i) => (i === axis ? part : dimension)), offset, strides };
  });
}
