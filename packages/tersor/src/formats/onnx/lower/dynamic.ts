import type { Layer } from '../../../core/layers.ts';
import { matrixOf } from '../../../core/layout.ts';
import { onnxType, openChain } from './builder.ts';
import { type AffineWeight, expand } from './expand.ts';
import { storeScales } from './scales.ts';
import type { Small } from './small.ts';
import { isProduct, named, readsRows } from './uses.ts';

/** DynamicQuantizeLinear came with it. */
const LEAST_OPSET = 11;

/**
 * Products of 8-bit integers, in standard operators, which onnxruntime fuses into one when it loads the model. Activations that several
 * products read are quantized once.
 *
 * The codes are the operand `[inputs, outputs]` around zero, the scales one per output. Undefined when the weight, or any of its uses, has no such operators.
 */
export function dynamicProduct(layer: Layer, weight: AffineWeight, opset: number): Small | undefined {
  const { layout, shape, dtype } = weight;
  if (!isPerOutput(weight) || dtype !== 'f32' || opset < LEAST_OPSET || shape.length !== 2 || layout.outputs.length !== 1) return undefined;
  if (!layer.uses.every((use) => isProduct(use) && readsRows(use, layout))) return undefined;
  const { rows, columns } = matrixOf(layout, shape);
  const { codes } = expand({ ...weight, shape: [columns, rows], layout: { ...layout, outputs: [1] } });
  const scales = storeScales(layout, [rows], async (values) => values);
  return {
    parts: [codes, ...scales.parts],
    replace: (node, [codesName = '', ...scaleNames], builder, activations) => {
      const [value = '', , bias] = node.inputs;
      const quantized = activations.quantized(value);
      const chain = openChain(builder);
      const sums = chain.add('Cast', [chain.add('MatMulInteger', [quantized.codes, codesName, quantized.zero])], { to: onnxType('f32') });
      const product = chain.add('Mul', [sums, chain.add('Mul', [quantized.scale, scales.read(scaleNames, chain)])]);
      if (node.op === 'Gemm' && bias) chain.add('Add', [product, bias]);
      return [...quantized.nodes, ...named(chain.end(node.outputs[0] ?? ''), node)];
    },
  };
}

/** Eight bits around zero, one scale per output: what integer products read. */
export function isPerOutput({ layout }: AffineWeight): boolean {
  return layout.numeric.bits === 8 && layout.block === 'row' && !layout.zero;
}
