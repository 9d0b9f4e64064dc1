import { describe } from './describe.ts';
import { eachGraph, intAttribute, type Node } from './graph.ts';
import type { Model, Weight } from './model.ts';

/** Operators that take integer codes with scales, by `domain:operator`, with the input the codes come in. */
const CODES_INPUT: Readonly<Record<string, number>> = {
  ':DequantizeLinear': 0,
  ':QLinearConv': 3,
  ':QLinearMatMul': 3,
  ':ConvInteger': 1,
  ':MatMulInteger': 1,
  'com.microsoft:DequantizeLinear': 0,
  'com.microsoft:DynamicQuantizeLSTM': 1,
  'com.microsoft:DynamicQuantizeMatMul': 1,
  'com.microsoft:GatherBlockQuantized': 0,
  'com.microsoft:MatMulBnb4': 1,
  'com.microsoft:MatMulInteger16': 1,
  'com.microsoft:MatMulIntegerToFloat': 1,
  'com.microsoft:MatMulNBits': 1,
  'com.microsoft:QAttention': 1,
  'com.microsoft:QEmbedLayerNormalization': 2,
  'com.microsoft:QGemm': 3,
  'com.microsoft:QLinearConv': 3,
  'com.microsoft:QMoE': 2,
};

/** ONNX's numbers of the types that codes are cast to: f32, i32 (the index of a table), f16, bf16. Masks are cast to bool. */
const COMPUTED_WITH = [1, 6, 10, 16];

/**
 * What shows that a model is quantized already: weights in a layout of codes, as "conv1.weight (int8 per row, f16 scales)", and nodes that
 * compute with weights of an integer type, as "QLinearConv conv1". The latter `findLayers` does not see, and no method quantizes them
 * again. Casts of integer weights count: that is how expanded weights are written.
 */
export function alreadyQuantized({ graph, weights }: Pick<Model, 'graph' | 'weights'>): string[] {
  const coded = new Map<string, Weight>();
  const found = [...weights.values()].flatMap(({ id, layout }) =>
    layout.kind === 'affine' || layout.kind === 'levels' || layout.kind === 'codebook' ? [`${id} (${describe(layout)})`] : [],
  );
  if (!graph) return found;
  for (const { graph: inner } of eachGraph(graph)) {
    for (const [name, id] of inner.initializers) {
      const weight = weights.get(id);
      if (weight && holdsCodes(weight)) coded.set(name, weight);
    }
    for (const node of inner.nodes) {
      if (coded.has(node.inputs[codesInput(node)] ?? '')) found.push(`${node.op} ${node.name || (node.outputs[0] ?? '')}`.trim());
    }
  }
  return found;
}

function codesInput(node: Node): number {
  const domain = node.domain === 'ai.onnx' ? '' : node.domain;
  if (domain === '' && node.op === 'Cast') return COMPUTED_WITH.includes(intAttribute(node, 'to', 0)) ? 0 : -1;
  const key = `${domain}:${node.op}`;
  return Object.hasOwn(CODES_INPUT, key) ? (CODES_INPUT[key] ?? -1) : -1;
}

/** Eight bits or fewer, and a matrix at least: a vector of bytes is more often a mask or a table. */
function holdsCodes({ dtype, shape }: Weight): boolean {
  return shape.length >= 2 && ['i8', 'u8', 'i4', 'u4', 'i2', 'u2', 'f8e4m3', 'f8e5m2', 'f4e2m1'].includes(dtype);
}
