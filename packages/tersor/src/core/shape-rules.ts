import type { Operand } from './evaluate-small/evaluate.ts';
import { integersIn } from './evaluate-small/known.ts';
import { axesOf, normalizeAxes } from './evaluate-small/view.ts';
import { intAttribute, intsAttribute, type Node, stringAttribute } from './graph.ts';
import { broadcastDims, type Dims, partsOf, product, slicedLength } from './shape-arithmetic.ts';
import { CONTRIB_RULES } from './shape-rules/contrib.ts';
import { INDEXING } from './shape-rules/indexing.ts';
import { matMul, productDims } from './shape-rules/products.ts';
import { each, onlyFirst, type Rule, type Setting, same } from './shape-rules/rule.ts';
import { SPATIAL } from './shape-rules/spatial.ts';

/** The shapes of a node's outputs, as far as those of its inputs tell. Undefined: nothing is known, not even the rank. */
export function outputDims(node: Node, opset: number, operands: readonly Operand[]): readonly (Dims | undefined)[] | undefined {
  const rule = ruleOf(node, opset);
  const dims = operands.map(({ shape }) => shape);
  const integers = (input: number) => integersIn(operands[input]?.known);
  return rule?.({ node, opset, dims, first: dims[0], operands, integers });
}

function ruleOf({ domain, op }: Node, opset: number): Rule | undefined {
  if (domain === 'com.microsoft') return CONTRIB_RULES.get(op);
  return domain === '' && opset >= 7 ? RULES.get(op) : undefined;
}

const broadcast: Rule = ({ dims }) => [dims.reduce((a, b) => broadcastDims(a, b))];

const RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ...each(
    'Abs Cast Ceil Clip Cos CumSum Elu Erf Exp Floor Gelu HardSigmoid HardSwish Hardmax Identity InstanceNormalization LeakyRelu Log Celu IsInf IsNaN',
    same,
  ),
  ...each(
    'LogSoftmax Mish Neg Not PRelu Reciprocal Relu Round Selu Sigmoid Sign Sin Softmax Softplus Softsign Sqrt Tan Tanh ThresholdedRelu Dropout Acos Acosh Asin Asinh Atan Atanh Cosh Shrink Sinh Swish BitwiseNot',
    same,
  ),
  ...each(
    'BatchNormalization LayerNormalization GroupNormalization RMSNormalization SimplifiedLayerNormalization MeanVarianceNormalization LRN LpNormalization',
    onlyFirst,
  ),
  ...each('QuantizeLinear DequantizeLinear RotaryEmbedding', onlyFirst),
  ...each(
    'Add And Div Equal Greater GreaterOrEqual Less LessOrEqual Max Mean Min Mod Mul Or Pow Sub Sum Where Xor BitShift BitwiseAnd BitwiseOr BitwiseXor',
    broadcast,
  ),
  ...each('ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare', reduced),
  ...each('ArgMax ArgMin', ({ node, first }) => [
    first && without(first, normalizeAxes([intAttribute(node, 'axis', 0)], first.length), intAttribute(node, 'keepdims', 1)),
  ]),
  ...each('GRU LSTM RNN', recurrent),
  ...SPATIAL,
  ...INDEXING,
  ...each('MatMul MatMulInteger', matMul),
  ['QLinearMatMul', ({ dims: [a, , , b] }) => [productDims(a, b)]],
  ['DynamicQuantizeLinear', ({ first }) => [first, [], []]],
  ['Gemm', ({ node, dims: [a, b] }) => [[a?.[intAttribute(node, 'transA', 0) ? 1 : 0], b?.[intAttribute(node, 'transB', 0) ? 0 : 1]]]],
  ['Transpose', transposed],
  ['Reshape', reshaped],
  ['Flatten', flattened],
  ['Squeeze', squeezed],
  ['Unsqueeze', unsqueezed],
  ['Concat', concatenated],
  ['Split', split],
  ['Slice', sliced],
  [
    'Gather',
    ({ node, dims: [data, indices] }) => {
      const [axis] = normalizeAxes([intAttribute(node, 'axis', 0)], data?.length ?? 0) ?? [];
      return [data && indices && axis !== undefined ? [...data.slice(0, axis), ...indices, ...data.slice(axis + 1)] : undefined];
    },
  ],
  ['GatherElements', ({ dims }) => [dims[1]]],
  ['Expand', ({ first, operands }) => [broadcastDims(first, partsOf(operands[1]?.known))]],
  ['ConstantOfShape', ({ operands }) => [partsOf(operands[0]?.known)]],
  ['Range', () => [[undefined]]],
  ['Tile', ({ first, integers }) => [first && integers(1)?.map((times, axis) => product([times, first[axis]]))]],
  ['Pad', padded],
  ['Einsum', einsum],
]);

function reduced({ node, opset, first, integers }: Setting): readonly (Dims | undefined)[] {
  const given = axesOf(node, opset, node.op === 'ReduceSum' ? 13 : 18, 1, integers);
  if (!given || !first) return [undefined];
  if (given.length === 0 && intAttribute(node, 'noop_with_empty_axes', 0) !== 0) return [first];
  const axes = given.length === 0 ? first.map((_, axis) => axis) : normalizeAxes(given, first.length);
  return [without(first, axes, intAttribute(node, 'keepdims', 1))];
}

function without(dims: Dims, axes: readonly number[] | undefined, keep: number): Dims | undefined {
  if (!axes) return undefined;
  return keep === 0 ? dims.filter((_, axis) => !axes.includes(axis)) : dims.map((size, axis) => (axes.includes(axis) ? 1 : size));
}

function transposed({ node, first }: Setting): readonly (Dims | undefined)[] {
  const order = intsAttribute(node, 'perm');
  if (!order) return [first?.toReversed()];
  return [order.map((axis) => first?.[axis])];
}

function reshaped({ node, first, operands }: Setting): readonly (Dims | undefined)[] {
  const known = operands[1]?.known;
  const copiesZero = intAttribute(node, 'allowzero', 0) === 0;
  const target = known?.values.map((value) => (value === undefined ? undefined : Number(value)));
  if (!target) {
    const [rank] = operands[1]?.shape ?? [];
    return [rank === undefined || rank > MAX_RANK ? undefined : new Array<undefined>(rank).fill(undefined)];
  }
  // An element that is not known may be a zero or a -1, so nothing follows from it.
  const copied = target.map((size, axis) => (size === 0 && copiesZero ? first?.[axis] : size));
  const rest = copied.filter((size) => size !== -1);
  const [whole, others] = [first && product(first), product(rest)];
  const open = whole !== undefined && others ? whole / others : undefined;
  return [copied.map((size) => (size === -1 ? open : size))];
}

/** No tensor of an operator that is known here has more dimensions. */
const MAX_RANK = 64;

function flattened({ node, first }: Setting): readonly (Dims | undefined)[] {
  const axis = intAttribute(node, 'axis', 1);
  const at = axis < 0 ? axis + (first?.length ?? 0) : axis;
  return [first ? [product(first.slice(0, at)), product(first.slice(at))] : [undefined, undefined]];
}

function squeezed({ node, opset, first, integers }: Setting): readonly (Dims | undefined)[] {
  const given = axesOf(node, opset, 13, 1, integers);
  if (!first || !given) return [undefined];
  if (given.length === 0) return [first.includes(undefined) ? undefined : first.filter((size) => size !== 1)];
  const axes = normalizeAxes(given, first.length);
  return [axes && first.filter((_, axis) => !axes.includes(axis))];
}

function unsqueezed({ node, opset, first, integers }: Setting): readonly (Dims | undefined)[] {
  const given = axesOf(node, opset, 13, 1, integers);
  const axes = first && normalizeAxes(given, first.length + (given?.length ?? 0));
  if (!axes) return [undefined];
  const rest = first.values();
  return [Array.from({ length: first.length + axes.length }, (_, axis) => (axes.includes(axis) ? 1 : rest.next().value))];
}

function concatenated({ node, dims }: Setting): readonly (Dims | undefined)[] {
  const known = dims.filter((each) => each !== undefined);
  const [first] = known;
  const [axis] = normalizeAxes([intAttribute(node, 'axis', 0)], first?.length ?? 0) ?? [];
  if (!first || axis === undefined || known.some((each) => each.length !== first.length)) return [undefined];
  const total = known.length < dims.length ? undefined : known.reduce<number | undefined>((sum, each) => plus(sum, each[axis]), 0);
  // All parts agree on the other dimensions, so one that is known is enough.
  return [first.map((_, i) => (i === axis ? total : known.map((each) => each[i]).find((size) => size !== undefined)))];
}

function plus(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a + b;
}

function split({ node, opset, first, integers }: Setting): readonly (Dims | undefined)[] | undefined {
  const [axis] = normalizeAxes([intAttribute(node, 'axis', 0)], first?.length ?? 0) ?? [];
  if (!first || axis === undefined) return undefined;
  const given = opset < 13 ? intsAttribute(node, 'split') : integers(1);
  const even = (first[axis] ?? Number.NaN) / node.outputs.length;
  const length = (i: number) => (given ? given[i] : !node.inputs[1] && Number.isInteger(even) ? even : undefined);
  return node.outputs.map((_, i) => first.with(axis, length(i)));
}

function sliced({ node, opset, first, integers }: Setting): readonly (Dims | undefined)[] {
  const asInputs = opset >= 10;
  const starts = asInputs ? integers(1) : intsAttribute(node, 'starts');
  const ends = asInputs ? integers(2) : intsAttribute(node, 'ends');
  const given = asInputs ? axesOf(node, opset, 10, 3, integers) : (intsAttribute(node, 'axes') ?? []);
  const steps = asInputs && node.inputs[4] ? integers(4) : [];
  if (!first || !given) return [undefined];
  const count = starts?.length ?? given.length;
  const axes = normalizeAxes(given.length === 0 ? Array.from({ length: count }, (_, i) => i) : given, first.length);
  if (!axes || (given.length === 0 && !starts)) return [first.map(() => undefined)];
  const lengths = new Map(axes.map((axis, i) => [axis, steps && slicedLength(first[axis], starts?.[i], ends?.[i], steps[i] ?? 1)]));
  return [first.map((size, axis) => (lengths.has(axis) ? lengths.get(axis) : size))];
}

function padded({ node, opset, first, integers }: Setting): readonly (Dims | undefined)[] {
  const amounts = opset < 11 ? intsAttribute(node, 'pads') : integers(1);
  if (!first || !amounts || amounts.length !== 2 * first.length || node.inputs[3]) return [first?.map(() => undefined)];
  return [first.map((size, axis) => plus(size, (amounts[axis] ?? 0) + (amounts[axis + first.length] ?? 0)))];
}

/** Time first; with `layout` 1 the batch is. */
function recurrent({ node, dims: [x, , r] }: Setting): readonly (Dims | undefined)[] {
  const directions = stringAttribute(node, 'direction', 'forward') === 'bidirectional' ? 2 : 1;
  if (intAttribute(node, 'layout', 0) !== 0) {
    const last = [x?.[0], directions, r?.[2]];
    return [[x?.[0], x?.[1], directions, r?.[2]], last, last];
  }
  const last = [directions, x?.[1], r?.[2]];
  return [[x?.[0], ...last], last, last];
}

function einsum({ node, dims }: Setting): readonly (Dims | undefined)[] {
  const [terms = '', result] = stringAttribute(node, 'equation', '').replaceAll(' ', '').split('->');
  if (result === undefined || terms.includes('.')) return [undefined];
  const sizes = new Map<string, number>();
  for (const [i, term] of terms.split(',').entries()) {
    for (const [axis, letter] of [...term].entries()) {
      const size = dims[i]?.[axis];
      if (size !== undefined && size !== 1) sizes.set(letter, size);
      else if (size === 1 && !terms.replace(letter, '').includes(letter)) sizes.set(letter, 1);
    }
  }
  return [[...result].map((letter) => sizes.get(letter))];
}
