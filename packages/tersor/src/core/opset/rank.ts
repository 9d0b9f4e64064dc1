import { type Graph, intsAttribute, type Node } from '../graph.ts';
import type { Model } from '../model.ts';

/** The number of dimensions of a value; undefined when it cannot be told. */
export type RankOf = (name: string) => number | undefined;

const LIKE_INPUT = new Set([
  'Identity',
  'Relu',
  'LeakyRelu',
  'PRelu',
  'Elu',
  'Selu',
  'Sigmoid',
  'HardSigmoid',
  'Tanh',
  'Erf',
  'Exp',
  'Log',
  'Sqrt',
  'Neg',
  'Abs',
  'Cast',
  'Clip',
  'Dropout',
  'Softmax',
  'LogSoftmax',
  'Hardmax',
  'BatchNormalization',
  'InstanceNormalization',
  'LayerNormalization',
  'LRN',
  'Conv',
  'ConvTranspose',
  'MaxPool',
  'AveragePool',
  'GlobalAveragePool',
  'GlobalMaxPool',
  'Pad',
  'Slice',
  'Tile',
  'Split',
  'Concat',
  'Resize',
  'Upsample',
  'CumSum',
  'Floor',
  'Ceil',
  'Reciprocal',
  'Softplus',
  'TopK',
]);

const BROADCAST = new Set([
  'Add',
  'Sub',
  'Mul',
  'Div',
  'Pow',
  'Where',
  'Min',
  'Max',
  'Sum',
  'Mean',
  'And',
  'Or',
  'Equal',
  'Less',
  'Greater',
]);

/** Ranks as the graph states them, and as its operators imply. `outer` answers for the graphs around it. */
export function ranksIn(graph: Graph, weights: Model['weights'], outer: RankOf): RankOf {
  const ranks = new Map<string, number | undefined>();
  const rankOf: RankOf = (name) => (ranks.has(name) ? ranks.get(name) : outer(name));
  const state = (name: string, rank: number | undefined) => {
    if (name !== '' && (rank !== undefined || !ranks.has(name))) ranks.set(name, rank);
  };
  for (const { name, shape } of [...graph.inputs, ...graph.outputs, ...graph.values.values()]) state(name, shape?.length);
  for (const [name, id] of graph.initializers) state(name, weights.get(id)?.shape.length);
  for (const node of graph.nodes) {
    const rank = impliedRank(node, rankOf, (name) => shapeLength(name, graph, weights));
    for (const name of node.outputs) state(name, rankOf(name) ?? rank);
  }
  return rankOf;
}

/** @param lengthOf the number of elements of a constant list */
function impliedRank(node: Node, rankOf: RankOf, lengthOf: RankOf): number | undefined {
  const { op, inputs } = node;
  const rank = rankOf(inputs[0] ?? '');
  const attribute = (name: string) => intsAttribute(node, name)?.length;
  if (LIKE_INPUT.has(op)) return rank;
  if (BROADCAST.has(op)) return largest(inputs.map(rankOf));
  switch (op) {
    case 'Transpose':
      return attribute('perm') ?? rank;
    case 'Reshape':
      return lengthOf(inputs[1] ?? '');
    case 'Flatten':
    case 'Gemm':
      return 2;
    case 'MatMul': {
      const both = inputs.map(rankOf);
      return both.every((one) => one !== undefined && one >= 2) ? largest(both) : undefined;
    }
    case 'Unsqueeze':
    case 'Squeeze': {
      const axes = attribute('axes') ?? lengthOf(inputs[1] ?? '');
      return rank === undefined || axes === undefined ? undefined : rank + (op === 'Squeeze' ? -axes : axes);
    }
    case 'Gather': {
      const indices = rankOf(inputs[1] ?? '');
      return rank === undefined || indices === undefined ? undefined : rank + indices - 1;
    }
    default:
      return undefined;
  }
}

function largest(ranks: readonly (number | undefined)[]): number | undefined {
  return ranks.reduce((most, rank) => (most === undefined || rank === undefined ? undefined : Math.max(most, rank)), 0);
}

function shapeLength(name: string, { initializers }: Graph, weights: Model['weights']): number | undefined {
  const shape = weights.get(initializers.get(name) ?? '')?.shape;
  return shape?.length === 1 ? shape[0] : undefined;
}
