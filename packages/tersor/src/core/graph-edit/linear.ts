import { floatAttribute, type Graph, intAttribute, intsAttribute, type Node, stringAttribute } from '../graph.ts';
import type { Weight } from '../model.ts';
import type { Channels } from './channel-affine.ts';
import type { Site } from './edit-graphs.ts';
import type { Scalable } from './scale-weight.ts';

/** An operator that multiplies its input with a weight nobody else uses, and may add a bias: something that a factor can be worked into. */
export interface Linear {
  readonly node: Node;
  readonly weight: Weight;
  readonly dtype: Scalable;
  readonly channels: Channels;
  /** The output channel of the weight's elements `[a, b, ...]`. */
  channelAt(a: number, b: number): number;
  /** Where the bias goes; undefined for MatMul, which has none. */
  readonly biasInput: number | undefined;
  /** One value per channel, as it is added to the product. */
  readonly bias: Float64Array;
}

/** @param isOwn  whether a name is a constant of this graph that has no other use */
export async function linearOf(node: Node, graph: Graph, site: Site, isOwn: (name: string) => boolean): Promise<Linear | undefined> {
  const [, name = ''] = node.inputs;
  const shape = node.domain === '' ? shapeOf(node, site) : undefined;
  const weight = site.scope.constant(name);
  if (!shape || !weight || !isOwn(name)) return undefined;
  const { layout, dtype } = weight;
  if (!(dtype === 'f32' || dtype === 'f64' || dtype === 'f16') || layout.kind !== 'dense' || layout.dtype !== dtype) return undefined;
  const bias = await biasOf(node, shape, graph, site);
  return bias && { node, weight, dtype, bias, ...shape };
}

type Geometry = Pick<Linear, 'channels' | 'channelAt' | 'biasInput'>;

function shapeOf(node: Node, { scope }: Site): Geometry | undefined {
  const shape = scope.constant(node.inputs[1] ?? '')?.shape;
  if (!shape || shape.length < 2) return undefined;
  const [rows = 1, columns = 1] = shape;
  const group = intAttribute(node, 'group', 1);
  switch (node.op) {
    case 'Conv':
      return { channels: { count: rows, axis: 1, rank: shape.length }, channelAt: (a) => a, biasInput: 2 };
    case 'ConvTranspose': {
      const perGroup = rows / group;
      return {
        channels: { count: columns * group, axis: 1, rank: shape.length },
        channelAt: (a, b) => Math.floor(a / perGroup) * columns + b,
        biasInput: 2,
      };
    }
    case 'Gemm': {
      const transposed = intAttribute(node, 'transB', 0) !== 0;
      return {
        channels: { count: transposed ? rows : columns, axis: 1, rank: 2 },
        channelAt: (a, b) => (transposed ? a : b),
        biasInput: 2,
      };
    }
    case 'MatMul': {
      const rank = scope.type(node.inputs[0] ?? '')?.shape?.length;
      return shape.length === 2
        ? { channels: { count: columns, axis: -1, rank }, channelAt: (_, b) => b, biasInput: undefined }
        : undefined;
    }
    default:
      return undefined;
  }
}

/** Zeros where there is none; undefined where it is not one known value per channel. */
async function biasOf(
  node: Node,
  { channels: { count }, biasInput }: Geometry,
  graph: Graph,
  { known, scope }: Site,
): Promise<Float64Array | undefined> {
  const name = biasInput === undefined ? '' : (node.inputs[biasInput] ?? '');
  if (name === '') return new Float64Array(count);
  if (scope.opset < 7 || !graph.initializers.has(name)) return undefined;
  const values = await known(name);
  const beta = node.op === 'Gemm' ? Math.fround(floatAttribute(node, 'beta', 1)) : 1;
  if (!values || values.shape.length > 2 || (values.shape.length === 2 && values.shape[0] !== 1)) return undefined;
  if (values.values.length === count) return Float64Array.from(values.values, (value) => Number(value) * beta);
  return node.op === 'Gemm' && values.values.length === 1 ? new Float64Array(count).fill(Number(values.values[0]) * beta) : undefined;
}

/** Whether a Conv sees nothing but its input: padding would add zeros that a shift before it does not reach. */
export function isUnpadded(node: Node): boolean {
  const mode = stringAttribute(node, 'auto_pad', 'NOTSET');
  if (mode === 'VALID') return true;
  return mode === 'NOTSET' && (intsAttribute(node, 'pads') ?? []).every((amount) => amount === 0);
}
