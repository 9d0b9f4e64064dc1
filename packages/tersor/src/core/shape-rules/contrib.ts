import { intAttribute, stringAttribute } from '../graph.ts';
import { broadcastDims, type Dims, product, spatialDims } from '../shape-arithmetic.ts';
import { matMul } from './products.ts';
import { each, onlyFirst, type Rule, type Setting, same } from './rule.ts';

/** onnxruntime's own operators (com.microsoft). Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md */
export const CONTRIB_RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ...each('BiasGelu FastGelu Gelu QuickGelu BiasSoftmax QuantizeLinear DequantizeLinear Trilu', onlyFirst),
  ...each('SimplifiedLayerNormalization GroupNorm RotaryEmbedding', onlyFirst),
  ...each('SkipLayerNormalization SkipSimplifiedLayerNormalization', ({ node, first }) =>
    node.outputs.map((_, i) => (i === 0 || i === 3 ? first : undefined)),
  ),
  ...each('QLinearSigmoid QLinearLeakyRelu', same),
  ...each('QLinearAdd QLinearMul', ({ dims }) => [broadcastDims(dims[0], dims[3])]),
  ...each('FusedMatMul TransposeMatMul DynamicQuantizeMatMul MatMulIntegerToFloat', matMul),
  ...each('FusedConv', ({ node, dims: [x, w] }) => [x && w && [x[0], w[0], ...spatialDims(node, x.slice(2), w.slice(2))]]),
  ...each('MatMulNBits MatMulBnb4', ({ node, first }) => [first?.with(-1, intAttribute(node, 'N', 0) || undefined)]),
  ['GatherBlockQuantized', gatheredBlocks],
  ['DynamicQuantizeLSTM', quantizedLstm],
  ['Attention', attention],
  ['MultiHeadAttention', ({ first, dims: [, , value] }) => [first?.with(-1, value?.length === 3 ? value.at(-1) : first.at(-1))]],
  ['GroupQueryAttention', groupQueryAttention],
  ['QMoE', onlyFirst],
  ['MoE', onlyFirst],
]);

/** Codes may be packed, two or four to a byte, along the last axis. */
function gatheredBlocks({ node, dims: [data, indices, scales] }: Setting): readonly (Dims | undefined)[] {
  const last = product([scales?.at(-1), intAttribute(node, 'block_size', 128)]);
  return [data && indices && [...indices, ...data.slice(1, -1), last]];
}

function quantizedLstm({ node, first }: Setting): readonly (Dims | undefined)[] {
  const hidden = intAttribute(node, 'hidden_size', 0) || undefined;
  const directions = stringAttribute(node, 'direction', 'forward') === 'bidirectional' ? 2 : 1;
  const last = [directions, first?.[1], hidden];
  return [[first?.[0], ...last], last, last];
}

/** The weight holds queries, keys and values side by side. */
function attention({ first, dims: [, weight] }: Setting): readonly (Dims | undefined)[] {
  const width = weight?.at(-1);
  return [first?.with(-1, width === undefined ? undefined : width / 3)];
}

/** Keys and values grow by what is new; with packed queries, keys and values the width is that of the queries alone. */
function groupQueryAttention({ node, dims: [query, key, , past] }: Setting): readonly (Dims | undefined)[] {
  const [heads, shared] = [intAttribute(node, 'num_heads', 0), intAttribute(node, 'kv_num_heads', 0)];
  const width = query?.at(-1);
  const head = width === undefined ? undefined : key ? width / heads : width / (heads + 2 * shared);
  const length = past?.[2] === undefined || query?.[1] === undefined ? undefined : past[2] + query[1];
  const present = [query?.[0], shared, length, head];
  return [query?.with(-1, product([heads, head])), present, present];
}
