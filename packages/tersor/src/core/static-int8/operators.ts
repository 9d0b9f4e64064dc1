import { floatAttribute, intAttribute, type Node, stringAttribute } from '../graph.ts';
import { isStandard } from '../opset/signature.ts';

/**
 * What an operator of integers does:
 *
 * - `convolution`: codes and a constant weight make codes.
 * - `product`: codes and a constant weight, or codes twice, make floats.
 * - `arithmetic`: codes, and perhaps constants, make codes.
 * - `moving`: codes go elsewhere; they mean what they meant.
 */
export type Kind = 'convolution' | 'product' | 'arithmetic' | 'moving';

const KINDS: Readonly<Record<string, Kind>> = {
  Conv: 'convolution',
  Gemm: 'product',
  MatMul: 'product',
  Add: 'arithmetic',
  Mul: 'arithmetic',
  AveragePool: 'arithmetic',
  GlobalAveragePool: 'arithmetic',
  Concat: 'arithmetic',
  Sigmoid: 'arithmetic',
  LeakyRelu: 'arithmetic',
  MaxPool: 'moving',
  Reshape: 'moving',
  Transpose: 'moving',
  Flatten: 'moving',
  Squeeze: 'moving',
  Unsqueeze: 'moving',
  Slice: 'moving',
  Resize: 'moving',
};

/** What the operator is among those that onnxruntime computes with 8-bit codes on processors; undefined for others. */
export function kindOf(node: Node): Kind | undefined {
  const kind = isStandard(node) && Object.hasOwn(KINDS, node.op) ? KINDS[node.op] : undefined;
  if (kind === undefined || node.outputs.filter((name) => name !== '').length !== 1) return undefined;
  if (node.op === 'Gemm') return isPlainGemm(node) ? kind : undefined;
  if (node.op === 'Resize') return stringAttribute(node, 'mode', 'nearest') === 'nearest' && !node.inputs[1] ? kind : undefined;
  // averages of the dilated or of what ceil_mode adds are not computed with codes
  if (node.op === 'AveragePool') return intAttribute(node, 'ceil_mode', 0) === 0 && !node.attributes.has('dilations') ? kind : undefined;
  return kind;
}

function isPlainGemm(node: Node): boolean {
  return intAttribute(node, 'transA', 0) === 0 && floatAttribute(node, 'alpha', 1) === 1 && floatAttribute(node, 'beta', 1) === 1;
}

/** The axis of a constant weight that its outputs lie along. */
export function outputAxis(node: Node): number {
  return node.op === 'Conv' || (node.op === 'Gemm' && intAttribute(node, 'transB', 0) === 1) ? 0 : 1;
}

/** Which inputs are activations or operands; others (shapes, axes) stay as they are. */
export function operandsOf(node: Node, kind: Kind): number[] {
  if (kind === 'moving' || kind === 'convolution') return [0];
  if (kind === 'product') return [0, 1];
  return node.inputs.flatMap((name, index) => (name === '' ? [] : [index]));
}
