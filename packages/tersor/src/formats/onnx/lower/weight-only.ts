import type { Layer, Use } from '../../../core/layers.ts';
import { matrixOf } from '../../../core/layout.ts';
import { blockParts } from './block-parts.ts';
import { type Chain, onnxType, openChain } from './builder.ts';
import { ACCURACY_LEVEL } from './choose.ts';
import { type AffineWeight, expand } from './expand.ts';
import type { Small } from './small.ts';
import { isProduct, named, readsRows } from './uses.ts';

/** Block lengths that MatMulNBits and GatherBlockQuantized take. */
const BLOCKS = [16, 32, 64, 128, 256];

const MICROSOFT = 'com.microsoft';

/** Undefined when the weight, or any of its uses, has no such operators. */
export function weightOnly(layer: Layer, weight: AffineWeight): Small | undefined {
  const { layout, shape, dtype } = weight;
  if (shape.length !== 2 || layout.outputs.length !== 1 || !layer.uses.every((use) => readsRows(use, layout))) return undefined;
  const products = layer.uses.filter(isProduct).length;
  const gathers = layer.uses.filter(isGather).length;
  if (products + gathers !== layer.uses.length) return undefined;
  if (layout.block === 'row' && layout.numeric.bits === 8 && products === 0) return gatherRows(weight);
  const { columns, block } = matrixOf(layout, shape);
  if (!BLOCKS.includes(block) || (dtype === 'f16' ? layout.scale.dtype !== 'f16' : dtype !== 'f32')) return undefined;
  if (products === 0) return (columns * layout.numeric.bits) % 8 === 0 ? gatherBlocks(weight) : undefined;
  return gathers === 0 || columns % block === 0 ? blockProduct(weight) : undefined;
}

function isGather({ node, kind }: Use): boolean {
  return kind === 'embedding' && node.op === 'Gather';
}

/** MatMulNBits, and GatherBlockQuantized where the weight is an embedding, too. */
function blockProduct(weight: AffineWeight): Small {
  const { rows, columns, block } = matrixOf(weight.layout, weight.shape);
  const { bits } = weight.layout.numeric;
  const attributes = { K: columns, N: rows, bits, block_size: block, accuracy_level: ACCURACY_LEVEL[bits] ?? 0 };
  const { parts, operands } = blockParts(weight, true);
  return {
    parts,
    replace: (node, names, builder) => {
      const chain = openChain(builder);
      const [codes = '', ...rest] = operands(names, chain);
      if (node.op === 'Gather') {
        const flat = chain.add('Reshape', [codes, builder.integers([rows, (columns * bits) / 8])]);
        addGather([flat, node.inputs[1] ?? '', ...rest], weight, chain);
      } else {
        const [activations = '', , bias] = node.inputs;
        const product = chain.add('MatMulNBits', [activations, codes, ...rest], attributes, MICROSOFT);
        if (node.op === 'Gemm' && bias) chain.add('Add', [product, bias]);
      }
      return named(chain.end(node.outputs[0] ?? ''), node);
    },
  };
}

function gatherBlocks(weight: AffineWeight): Small {
  const { parts, operands } = blockParts(weight, false);
  return {
    parts,
    replace: (node, names, builder) => {
      const chain = openChain(builder);
      const [codes = '', ...rest] = operands(names, chain);
      addGather([codes, node.inputs[1] ?? '', ...rest], weight, chain);
      return named(chain.end(node.outputs[0] ?? ''), node);
    },
  };
}

function addGather(inputs: readonly string[], { layout, shape }: AffineWeight, chain: Chain): void {
  const { block } = matrixOf(layout, shape);
  chain.add('GatherBlockQuantized', inputs, { bits: layout.numeric.bits, block_size: block, gather_axis: 0, quantize_axis: 1 }, MICROSOFT);
}

/** Codes and scales are looked up like the row itself was: standard operators, and as fast. */
function gatherRows(weight: AffineWeight): Small {
  const { parts, scales } = expand(weight);
  return {
    parts,
    replace: (node, [codes = '', ...rest], builder) => {
      const chain = openChain(builder);
      const [, rows = ''] = node.inputs;
      const look = (table: string) => chain.add('Gather', [table, rows]);
      const float = (value: string) => chain.add('Cast', [value], { to: onnxType('f32') });
      let value = float(look(codes));
      if (weight.layout.zero) value = chain.add('Sub', [value, float(look(rest.shift() ?? ''))]);
      value = chain.add('Mul', [value, look(scales.read(rest, chain))]);
      if (weight.dtype !== 'f32' && weight.dtype !== 'string') chain.add('Cast', [value], { to: onnxType(weight.dtype) });
      return named(chain.end(node.outputs[0] ?? ''), node);
    },
  };
}
