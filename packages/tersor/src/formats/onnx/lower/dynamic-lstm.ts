import { intAttribute, makeNode, type Node } from '../../../core/graph.ts';
import type { Layer } from '../../../core/layers.ts';
import type { Builder } from './builder.ts';
import { openChain } from './builder.ts';
import { isPerOutput } from './dynamic.ts';
import { type AffineWeight, expand } from './expand.ts';
import type { Part } from './part.ts';
import { type StoredScales, storeScales } from './scales.ts';

/** An LSTM that multiplies in integers: both of its weights are stored as codes, and nothing else reads them. */
export interface DynamicLstm {
  readonly node: Node;
  readonly weights: readonly [Operand, Operand];
  /** @param names  those of the parts of each weight */
  replace(names: readonly [readonly string[], readonly string[]], builder: Builder): Node[];
}

interface Operand {
  readonly layer: Layer;
  readonly weight: AffineWeight;
  readonly parts: readonly Part[];
  readonly scales: StoredScales;
}

/** Weights that are wanted so, by id. */
type Wanted = (layer: Layer) => AffineWeight | undefined;

/**
 * DynamicQuantizeLSTM takes weights as `[directions, inputs, gates]` around zero, a scale for each gate of each unit.
 * Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.DynamicQuantizeLSTM
 */
export function dynamicLstms(layers: readonly Layer[], wanted: Wanted): DynamicLstm[] {
  const operands = new Map<Node, Map<number, Operand>>();
  for (const layer of layers) {
    const [use, ...others] = layer.uses;
    const weight = use && others.length === 0 && use.direct && isLstm(use.node) ? wanted(layer) : undefined;
    if (!use || !weight || !isPerOutput(weight) || weight.dtype !== 'f32' || weight.shape.length !== 3) continue;
    operands.set(use.node, (operands.get(use.node) ?? new Map<number, Operand>()).set(use.input, operandOf(layer, weight)));
  }
  return [...operands].flatMap(([node, of]) => {
    const [input, recurrent] = [of.get(1), of.get(2)];
    return input && recurrent ? [toLstm(node, [input, recurrent])] : [];
  });
}

/** It knows no other layout of its inputs than time first. */
function isLstm(node: Node): boolean {
  return node.op === 'LSTM' && node.domain !== 'com.microsoft' && intAttribute(node, 'layout', 0) === 0;
}

function operandOf(layer: Layer, weight: AffineWeight): Operand {
  const { layout, shape } = weight;
  const [directions = 1, gates = 1, inputs = 1] = shape;
  const { codes } = expand({ ...weight, shape: [directions, inputs, gates], layout: { ...layout, outputs: [0, 2] } });
  const scales = storeScales(layout, [directions, gates], async (values) => values);
  return { layer, weight, parts: [codes, ...scales.parts], scales };
}

function toLstm(node: Node, weights: readonly [Operand, Operand]): DynamicLstm {
  return {
    node,
    weights,
    replace: (names, builder) => {
      const chain = openChain(builder);
      const operands = weights.map(({ scales, weight }, i) => {
        const [codes = '', ...rest] = names[i] ?? [];
        const [directions = 1, gates = 1] = weight.shape;
        // onnxruntime 1.30 reads as many zero points as scales, and past the end where there is one a direction
        return {
          codes,
          scale: scales.read(rest, chain),
          zero: builder.constant('i8', [directions, gates], new Uint8Array(directions * gates)),
        };
      });
      const [first, ...others] = node.inputs;
      const optional = Array.from({ length: 5 }, (_, i) => others[i + 2] ?? '');
      const inputs = [
        first ?? '',
        ...operands.map(({ codes }) => codes),
        ...optional,
        ...operands.flatMap(({ scale, zero }) => [scale, zero]),
      ];
      const attributes = new Map([...node.attributes].filter(([name]) => name !== 'layout'));
      const lstm = { ...makeNode('DynamicQuantizeLSTM', inputs, node.outputs, {}, 'com.microsoft'), name: node.name, attributes };
      return [...chain.nodes(), lstm];
    },
  };
}
