import { type DType, elementsOf, type Shape } from '../dtype.ts';
import { castType } from '../evaluate-small/evaluate.ts';
import { integersIn, type Known } from '../evaluate-small/known.ts';
import { axesOf } from '../evaluate-small/view.ts';
import { intAttribute, intsAttribute, type Node } from '../graph.ts';
import type { Scope } from './scope.ts';

/** What is known around a node. */
export interface Surroundings {
  readonly scope: Scope;
  /** Values of a small constant. */
  known(name: string): Promise<Known | undefined>;
  /** The node of this graph that computes a value. */
  producer(name: string): Node | undefined;
  used(name: string): boolean;
}

/** The name of a value that equals the node's first output for every input the model accepts, when the node has no other effect. */
export async function sourceOf(node: Node, around: Surroundings): Promise<string | undefined> {
  const [source] = node.inputs;
  if (node.domain !== '' || !source || node.outputs.slice(1).some((name) => name !== '' && around.used(name))) return undefined;
  const rule = RULES[node.op];
  return rule === undefined ? undefined : rule(node, source, around);
}

type Rule = (node: Node, source: string, around: Surroundings) => string | undefined | Promise<string | undefined>;

const RULES: Readonly<Record<string, Rule>> = {
  Identity: (_, source) => source,
  Dropout: dropout,
  Cast: (node, source, { scope }) => (castType(node) !== undefined && scope.type(source)?.dtype === castType(node) ? source : undefined),
  Transpose: transpose,
  Reshape: reshape,
  Flatten: (node, source, { scope }) =>
    scope.type(source)?.shape?.length === 2 && intAttribute(node, 'axis', 1) === 1 ? source : undefined,
  Expand: expand,
  Tile: tile,
  Concat: single,
  Sum: single,
  Max: single,
  Min: single,
  Mean: single,
  Pad: pad,
  Slice: slice,
  Add: async (node, source, around) =>
    (await neutral(node, 1, 0, around)) ? source : (await neutral(node, 0, 0, around)) ? node.inputs[1] : undefined,
  Mul: async (node, source, around) =>
    (await neutral(node, 1, 1, around)) ? source : (await neutral(node, 0, 1, around)) ? node.inputs[1] : undefined,
  Sub: async (node, source, around) => ((await neutral(node, 1, 0, around)) ? source : undefined),
  Div: async (node, source, around) => ((await neutral(node, 1, 1, around)) ? source : undefined),
  Pow: async (node, source, around) => ((await neutral(node, 1, 1, around)) ? source : undefined),
  Squeeze: (node, _, around) => undone(node, 'Unsqueeze', around),
  Unsqueeze: (node, _, around) => undone(node, 'Squeeze', around),
};

/** Before opset 7 operators had other defaults, and broadcasting was spelled out by attributes. */
const OLDEST_OPSET = 7;

async function dropout(node: Node, source: string, { scope, known }: Surroundings): Promise<string | undefined> {
  if (scope.opset < OLDEST_OPSET) return undefined;
  if (!node.inputs[2]) return source;
  const training = await known(node.inputs[2]);
  return training?.values[0] === 0 ? source : undefined;
}

function transpose(node: Node, source: string, { scope, producer }: Surroundings): string | undefined {
  const order = intsAttribute(node, 'perm');
  if (isAscending(order)) return source;
  const rank = scope.type(source)?.shape?.length;
  if (!order && rank !== undefined && rank <= 1) return source;
  const before = producer(source);
  if (before?.op !== 'Transpose' || before.domain !== '') return undefined;
  const first = intsAttribute(before, 'perm');
  // Two reversals cancel whatever the rank is.
  const cancels = order && first ? order.length === first.length && isAscending(order.map((axis) => first[axis] ?? -1)) : !order && !first;
  return cancels ? before.inputs[0] : undefined;
}

function isAscending(order: readonly number[] | undefined): boolean {
  return order?.every((axis, position) => axis === position) ?? false;
}

async function reshape(node: Node, source: string, { scope, known }: Surroundings): Promise<string | undefined> {
  const target = scope.opset >= 5 && node.inputs[1] ? integersIn(await known(node.inputs[1])) : undefined;
  const shape = scope.type(source)?.shape;
  if (!target || !shape || target.length !== shape.length) return undefined;
  const copiesZero = intAttribute(node, 'allowzero', 0) === 0;
  const matches = (dimension: number, axis: number) => (dimension === 0 && copiesZero) || (dimension === shape[axis] && dimension !== 0);
  // One dimension may be inferred when all others stay.
  const open = target.filter((dimension, axis) => !matches(dimension, axis));
  return open.length === 0 || (open.length === 1 && open[0] === -1) ? source : undefined;
}

async function expand(node: Node, source: string, { scope, known }: Surroundings): Promise<string | undefined> {
  const target = node.inputs[1] ? integersIn(await known(node.inputs[1])) : undefined;
  return target && keepsShape(scope.type(source)?.shape, target) ? source : undefined;
}

async function tile(node: Node, source: string, { scope, known }: Surroundings): Promise<string | undefined> {
  const repeats = scope.opset >= 6 && node.inputs[1] ? integersIn(await known(node.inputs[1])) : undefined;
  return repeats?.every((count) => count === 1) ? source : undefined;
}

function single({ inputs }: Node, source: string): string | undefined {
  return inputs.length === 1 ? source : undefined;
}

async function pad(node: Node, source: string, { scope, known }: Surroundings): Promise<string | undefined> {
  const amounts = scope.opset < 11 ? intsAttribute(node, 'pads') : node.inputs[1] ? integersIn(await known(node.inputs[1])) : undefined;
  return amounts?.every((amount) => amount === 0) ? source : undefined;
}

/** Ends from here on mean "to the end": no dimension of a tensor that fits into memory reaches it. */
const ENDLESS = 2 ** 31 - 1;

async function slice(node: Node, source: string, { scope, known }: Surroundings): Promise<string | undefined> {
  const read = async (name: string, input: number) =>
    scope.opset < 10 ? intsAttribute(node, name) : node.inputs[input] ? integersIn(await known(node.inputs[input])) : undefined;
  const [starts, ends, axes, steps] = [await read('starts', 1), await read('ends', 2), await read('axes', 3), await read('steps', 4)];
  if (!starts || !ends || starts.length !== ends.length || (scope.opset >= 10 && ((node.inputs[3] && !axes) || (node.inputs[4] && !steps))))
    return undefined;
  if (starts.some((start) => start !== 0) || steps?.some((step) => step !== 1)) return undefined;
  const shape = scope.type(source)?.shape;
  const whole = ends.every((end, i) => {
    const axis = axes ? axes[i] : i;
    const length = axis === undefined ? undefined : shape?.at(axis);
    return end >= ENDLESS || (typeof length === 'number' && end >= length);
  });
  return whole ? source : undefined;
}

/** Whether an operand is `value` everywhere and the other one keeps its shape. */
async function neutral(node: Node, operand: 0 | 1, value: number, { scope, known }: Surroundings): Promise<boolean> {
  const name = node.inputs[operand];
  const other = node.inputs[1 - operand];
  if (scope.opset < OLDEST_OPSET || !name || !other) return false;
  const constant = await known(name);
  if (!constant?.values.length || constant.values.some((element) => Number(element) !== value)) return false;
  return (
    (constant.shape.length === 0 || keepsShape(scope.type(other)?.shape, constant.shape)) && sameType(node, constant.dtype, other, scope)
  );
}

/** Pow's exponent may have a type of its own; the result has the base's. */
function sameType(node: Node, dtype: DType, other: string, scope: Scope): boolean {
  const type = scope.type(other)?.dtype;
  return node.op === 'Pow' || type === undefined || type === dtype;
}

/** Whether broadcasting `shape` with `by` gives `shape`, whatever its free dimensions are. */
function keepsShape(shape: readonly (number | string | undefined)[] | undefined, by: Shape): boolean {
  if (elementsOf(by) === 0 || !shape || by.length > shape.length) return by.length === 0;
  return by.every((dimension, i) => dimension === 1 || dimension === shape[i - by.length + shape.length]);
}

/** Squeeze after Unsqueeze of the same axes, or the other way around. */
async function undone(node: Node, opposite: string, { scope, known, producer }: Surroundings): Promise<string | undefined> {
  const before = node.inputs[0] ? producer(node.inputs[0]) : undefined;
  if (before?.op !== opposite || before.domain !== '') return undefined;
  const axes = async (of: Node) => {
    const values = of.inputs[1] ? integersIn(await known(of.inputs[1])) : undefined;
    return axesOf(of, scope.opset, 13, 1, () => values)?.toSorted((a, b) => a - b);
  };
  const [mine, theirs] = [await axes(node), await axes(before)];
  const same = mine && theirs && mine.length > 0 && mine.length === theirs.length && mine.every((axis, i) => axis === theirs[i]);
  return same ? before.inputs[0] : undefined;
}
