import type { Shape } from './dtype.ts';
import { intAttribute, type Node, stringAttribute } from './graph.ts';
import type { LayerKind } from './layers.ts';

/** An input of an operator that takes a weight. */
export interface WeightInput {
  readonly input: number;
  readonly kind: LayerKind;
  /** Axes of the operand that are outputs of the layer; undefined when the operator does not use it as a layer does. */
  outputs(node: Node, shape: Shape): readonly number[] | undefined;
}

/** The operators that compute with weights, by `domain:operator`, and the inputs the weights come in. */
const LAYER_OPERATORS: Readonly<Record<string, readonly WeightInput[]>> = {
  ':MatMul': matrixProduct(),
  ':Gemm': matrixProduct('transA', 'transB'),
  ':Einsum': [0, 1].map((input) => ({ input, kind: 'linear', outputs: (node, shape) => einsumOutputs(node, input, shape) })),
  'com.microsoft:FusedMatMul': matrixProduct('transA', 'transB'),
  'com.microsoft:TransposeMatMul': matrixProduct('transA', 'transB'),
  'com.microsoft:FusedGemm': matrixProduct('transA', 'transB'),
  'com.microsoft:Attention': [weightInput(1, 'linear', (_, shape) => allBut(shape, -2))],
  ':Conv': [weightInput(1, 'conv', () => [0])],
  ':DeformConv': [weightInput(1, 'conv', () => [0])],
  'com.microsoft:FusedConv': [weightInput(1, 'conv', () => [0])],
  'com.microsoft:NhwcFusedConv': [weightInput(1, 'conv', () => [0])],
  ':ConvTranspose': [weightInput(1, 'conv', transposedOutputs)],
  ':Gather': [weightInput(0, 'embedding', (node) => (intAttribute(node, 'axis', 0) === 0 ? [0] : undefined))],
  'com.microsoft:EmbedLayerNormalization': [2, 3, 4].map((input) => weightInput(input, 'embedding', () => [0])),
  ':LSTM': recurrent(),
  ':GRU': recurrent(),
  ':RNN': recurrent(),
};

export function weightInputs(node: Node): readonly WeightInput[] {
  const key = `${node.domain === 'ai.onnx' ? '' : node.domain}:${node.op}`;
  return Object.hasOwn(LAYER_OPERATORS, key) ? (LAYER_OPERATORS[key] ?? []) : [];
}

function weightInput(input: number, kind: LayerKind, outputs: WeightInput['outputs']): WeightInput {
  return { input, kind, outputs };
}

/** `A [.., M, K] x B [.., K, N]`: everything but K is an output of a constant operand. */
function matrixProduct(transA?: string, transB?: string): WeightInput[] {
  const flag = (node: Node, name?: string) => name !== undefined && intAttribute(node, name, 0) !== 0;
  const plain = (node: Node) => intAttribute(node, 'transBatchA', 0) === 0 && intAttribute(node, 'transBatchB', 0) === 0;
  return [
    weightInput(0, 'linear', (node, shape) => (plain(node) ? allBut(shape, flag(node, transA) ? -2 : -1) : undefined)),
    weightInput(1, 'linear', (node, shape) => (plain(node) ? allBut(shape, flag(node, transB) ? -1 : -2) : undefined)),
  ];
}

/** W `[directions, gates x hidden, inputs]` and R `[directions, gates x hidden, hidden]`. */
function recurrent(): WeightInput[] {
  return [1, 2].map((input) => weightInput(input, 'recurrent', () => [0, 1]));
}

/**
 * Weights are `[inputs, outputs / group, ...kernel]`. Of several groups every pair of channels is a row of its own: exact for depthwise
 * layers, finer than needed for the others, where the group of an input is no axis.
 */
function transposedOutputs(node: Node): number[] {
  return intAttribute(node, 'group', 1) === 1 ? [1] : [0, 1];
}

function allBut(shape: Shape, axis: number): number[] | undefined {
  if (shape.length < 2) return undefined;
  return shape.map((_, index) => index).filter((index) => index !== shape.length + axis);
}

/** Axes of operand `input` whose label is in the result; undefined for an ellipsis, repeated labels and products without a sum. */
function einsumOutputs(node: Node, input: number, shape: Shape): number[] | undefined {
  const equation = stringAttribute(node, 'equation', '').replaceAll(' ', '');
  const [left = '', right] = equation.split('->');
  const labels = [...(left.split(',')[input] ?? '')];
  if (equation.includes('.') || labels.length !== shape.length || new Set(labels).size !== labels.length) return undefined;
  const kept = right ?? [...left].filter((label) => left.indexOf(label) === left.lastIndexOf(label)).join('');
  const outputs = labels.flatMap((label, axis) => (kept.includes(label) ? [axis] : []));
  return outputs.length < labels.length ? outputs : undefined;
}
