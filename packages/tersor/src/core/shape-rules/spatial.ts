import type { Operand } from '../evaluate-small/evaluate.ts';
import { normalizeAxes } from '../evaluate-small/view.ts';
import { intAttribute, intsAttribute, type Node, stringAttribute } from '../graph.ts';
import { type Dims, product, spatialDims } from '../shape-arithmetic.ts';
import { each, type Rule, type Setting } from './rule.ts';

/** Operators on images and signals: `[batch, channels, ...space]`. */
export const SPATIAL: readonly (readonly [string, Rule])[] = [
  ...each('Conv ConvInteger DeformConv', ({ node, dims: [x, w] }) => [
    x && w && [x[0], w[0], ...spatialDims(node, x.slice(2), w.slice(2))],
  ]),
  ['QLinearConv', ({ node, dims: [x, , , w] }) => [x && w && [x[0], w[0], ...spatialDims(node, x.slice(2), w.slice(2))]]],
  ['ConvTranspose', transposedConv],
  ...each('GlobalAveragePool GlobalMaxPool GlobalLpPool', ({ first }) => [first?.map((size, axis) => (axis < 2 ? size : 1))]),
  ...each('AveragePool LpPool', pooled),
  ['MaxPool', (setting) => setting.node.outputs.map(() => pooled(setting)[0])],
  ...each('Resize Upsample', resized),
  ['DepthToSpace', ({ node, first }) => [blocks(first, intAttribute(node, 'blocksize', 1), -1)]],
  ['SpaceToDepth', ({ node, first }) => [blocks(first, intAttribute(node, 'blocksize', 1), 1)]],
];

function pooled({ node, first }: Setting): readonly (Dims | undefined)[] {
  return [first && [...first.slice(0, 2), ...spatialDims(node, first.slice(2), intsAttribute(node, 'kernel_shape') ?? [])]];
}

/** Source: https://onnx.ai/onnx/operators/onnx__ConvTranspose.html */
function transposedConv({ node, dims: [x, w] }: Setting): readonly (Dims | undefined)[] {
  if (!x || !w) return [undefined];
  const channels = product([w[1], intAttribute(node, 'group', 1)]);
  const stated = intsAttribute(node, 'output_shape');
  const [strides, dilations, pads] = ['strides', 'dilations', 'pads'].map((name) => intsAttribute(node, name));
  const extra = intsAttribute(node, 'output_padding');
  const mode = stringAttribute(node, 'auto_pad', 'NOTSET');
  const rank = x.length - 2;
  const space = x.slice(2).map((size, i) => {
    const window = w[i + 2];
    const stride = strides?.[i] ?? 1;
    if (stated) return stated.at(i - rank);
    if (size === undefined || window === undefined) return undefined;
    if (mode.startsWith('SAME')) return size * stride;
    const padding = mode === 'VALID' ? 0 : (pads?.[i] ?? 0) + (pads?.[i + rank] ?? 0);
    return stride * (size - 1) + (extra?.[i] ?? 0) + (window - 1) * (dilations?.[i] ?? 1) + 1 - padding;
  });
  return [[x[0], channels, ...space]];
}

/** Source: https://onnx.ai/onnx/operators/onnx__Resize.html */
function resized({ node, opset, first, operands, integers }: Setting): readonly (Dims | undefined)[] {
  if (!first) return [undefined];
  const axes = normalizeAxes(intsAttribute(node, 'axes') ?? first.map((_, axis) => axis), first.length);
  const unknown = [first.map(() => undefined)];
  const keeps = stringAttribute(node, 'keep_aspect_ratio_policy', 'stretch') === 'stretch';
  if (!axes || !keeps) return unknown;
  const sizes = node.op === 'Resize' && opset >= 11 && node.inputs[3] ? integers(3) : undefined;
  const scales = sizes ? undefined : scalesOf(node, operands[node.op === 'Resize' && opset >= 11 ? 2 : 1]);
  if ((sizes ?? scales)?.length !== axes.length) return unknown;
  return [
    first.map((size, axis) => {
      const i = axes.indexOf(axis);
      if (i < 0) return size;
      if (sizes) return sizes[i];
      const scale = scales?.[i];
      return size === undefined || scale === undefined ? undefined : Math.floor(size * scale);
    }),
  ];
}

function scalesOf(node: Node, operand: Operand | undefined): readonly (number | undefined)[] | undefined {
  const stated = node.attributes.get('scales');
  if (stated?.kind === 'floats') return stated.value;
  return operand?.known?.values.map((value) => (value === undefined ? undefined : Number(value)));
}

/** @param way  1 moves space into channels, -1 back */
function blocks(first: Dims | undefined, size: number, way: 1 | -1): Dims | undefined {
  if (first?.length !== 4 || size < 1) return undefined;
  const [batch, channels, height, width] = first;
  const times = (length: number | undefined, factor: number) => {
    const result = length === undefined ? undefined : length * factor;
    return Number.isInteger(result) ? result : undefined;
  };
  return [batch, times(channels, size ** (2 * way)), times(height, size ** -way), times(width, size ** -way)];
}
