import { intAttribute, type Node } from '../graph.ts';
import type { Layer, Use } from '../layers.ts';
import { constantAlong } from './constant-rules.ts';
import { alongOneAxis, type Lanes } from './lanes.ts';
import type { Part, Port } from './port.ts';
import type { Survey } from './survey.ts';

/** Where a layer's operator has its channels. */
interface Ends {
  /** The axis of its input, and of the first output; counted from the end below zero. */
  readonly input: number;
  readonly output: number;
  /** Elements of the weight, by axes of the operand, that take factors of the input's channels, and of the output's. */
  reads?(ids: Int32Array): Pick<Part, 'axes' | 'ids'>;
  writes?(ids: Int32Array): Pick<Part, 'axes' | 'ids'>;
  /** Where the bias comes in. */
  readonly bias?: number;
}

/** Undefined where the node is no layer. */
export function layerRule(port: Port): { readonly refusal: string | undefined } | undefined {
  const { node, survey } = port;
  const at = [0, 1, 2].map((input) => survey.layerAt(node, input)).find((found) => found !== undefined);
  return at && { refusal: throughLayer(port, at.layer, at.use) };
}

function throughLayer(port: Port, layer: Layer, use: Use): string | undefined {
  const { node, survey } = port;
  const { weight } = layer;
  if (layer.uses.length > 1) return `${weight.id} is shared by several operators`;
  if (!use.axes) return `${weight.id} is reshaped before it is used`;
  if (weight.layout.kind !== 'dense' || !['f32', 'f16', 'f64'].includes(weight.dtype)) return `${weight.id} is compressed already`;
  if (port.mixed && intAttribute(node, 'group', 1) !== 1) return `${node.op} has groups, which cannot be mixed`;
  const shape = use.axes.map((axis) => weight.shape[axis] ?? 1);
  const ends = endsOf(node, use, shape);
  if (typeof ends === 'string') return ends;
  const own = (part: Pick<Part, 'axes' | 'ids'>, power: Part['power']) =>
    port.part({ ...part, axes: part.axes.map((axis) => use.axes?.[axis] ?? axis), weight: weight.id, input: use.input, power, layer });

  for (const input of node.inputs.slice(1)) if (port.lanesOf(input)) return `${node.op} takes it as a parameter`;
  const before = onAxis(port, use.input === 0 ? '' : (node.inputs[0] ?? ''), ends.input);
  if (typeof before === 'string') return before;
  if (before && !ends.reads) return `${node.op} lets no factors in`;
  if (before && ends.reads) own(ends.reads(before.ids), 1);

  if (node.outputs.slice(1).some((name) => port.lanesOf(name))) return `${node.op} lets no factors out`;
  const after = onAxis(port, node.outputs[0] ?? '', ends.output);
  if (typeof after === 'string' || !after) return after;
  if (!ends.writes) return `${node.op} lets no factors out`;
  own(ends.writes(after.ids), -1);
  const bias = ends.bias === undefined ? '' : (node.inputs[ends.bias] ?? '');
  if (bias === '') return undefined;
  const rank = survey.constant(bias)?.shape.length ?? 0;
  return constantAlong(port, ends.bias ?? 0, alongOneAxis(rank - 1, after.ids), -1);
}

/** The value that a layer multiplies its weight by, and its channels; a text says why they get no factors. */
export function inputOf(survey: Survey, node: Node, layer: Layer, use: Use): { readonly value: string; readonly lanes: Lanes } | string {
  if (!use.axes) return 'is reshaped before it is used';
  const shape = use.axes.map((axis) => layer.weight.shape[axis] ?? 1);
  const ends = endsOf(node, use, shape);
  if (typeof ends === 'string') return ends;
  const value = node.inputs[0] ?? '';
  const rank = survey.sizes(value)?.length;
  if (!ends.reads) return `${node.op} lets no factors in`;
  if (ends.input < 0 && rank === undefined) return 'how many axes its input has is not known';
  const count = countOf(node, shape);
  return { value, lanes: alongOneAxis(ends.input < 0 ? ends.input + (rank ?? 0) : ends.input, new Int32Array(count)) };
}

/** Channels of the input. */
function countOf(node: Node, [first = 1, second = 1, third = 1]: readonly number[]): number {
  if (node.op === 'Conv') return second * intAttribute(node, 'group', 1);
  if (node.op === 'Gemm') return intAttribute(node, 'transB', 0) === 0 ? first : second;
  return node.op === 'MatMul' || node.op === 'ConvTranspose' ? first : third;
}

/** The elements of a layer's weight that its input's channels, numbered in order, lie along. */
export function readingPart(node: Node, layer: Layer, use: Use, ids: Int32Array): Part {
  const axes = use.axes ?? [];
  const ends = endsOf(
    node,
    use,
    axes.map((axis) => layer.weight.shape[axis] ?? 1),
  );
  const part = typeof ends === 'string' || !ends.reads ? { axes: [], ids } : ends.reads(ids);
  return { ...part, axes: part.axes.map((axis) => axes[axis] ?? axis), weight: layer.weight.id, node, input: use.input, power: 1, layer };
}

/** The lanes of a value, where they are along one axis. */
function onAxis(port: Port, name: string, axis: number): Lanes | string | undefined {
  const lanes = port.lanesOf(name);
  if (!lanes) return undefined;
  const rank = port.survey.sizes(name)?.length ?? Number.NaN;
  const narrow = port.narrow(lanes, [axis < 0 ? axis + rank : axis]);
  return typeof narrow === 'string' || narrow.axes.length === 1 ? narrow : 'its channels are along another axis';
}

function endsOf(node: Node, { input }: Use, shape: readonly number[]): Ends | string {
  const [first = 1, second = 1] = shape;
  const group = intAttribute(node, 'group', 1);
  const along = (axis: number) => (ids: Int32Array) => ({ axes: [axis], ids });
  const pairs = (idAt: (a: number, b: number) => number) => (ids: Int32Array) => ({
    axes: [0, 1],
    ids: new Int32Array(first * second).map((_, i) => ids[idAt(Math.floor(i / second), i % second)]!),
  });
  switch (node.op) {
    case 'Conv': {
      const grouped = pairs((a, b) => Math.floor(a / (first / group)) * second + b);
      return { input: 1, output: 1, reads: group === 1 ? along(1) : grouped, writes: along(0), bias: 2 };
    }
    case 'ConvTranspose': {
      const grouped = pairs((a, b) => Math.floor(a / (first / group)) * second + b);
      return { input: 1, output: 1, reads: along(0), writes: group === 1 ? along(1) : grouped, bias: 2 };
    }
    case 'Gemm': {
      const isTurned = intAttribute(node, 'transB', 0) !== 0;
      if (input !== 1 || intAttribute(node, 'transA', 0) !== 0) return 'its weight comes first';
      return { input: 1, output: 1, reads: along(isTurned ? 1 : 0), writes: along(isTurned ? 0 : 1), bias: 2 };
    }
    case 'MatMul':
      if (input !== 1) return 'its weight comes first';
      return shape.length === 2 ? { input: -1, output: -1, reads: along(0), writes: along(1) } : 'its weight is several matrices';
    case 'LSTM':
    case 'GRU':
    case 'RNN':
      return input === 1 ? { input: 2, output: -1, reads: along(2) } : 'its states take no factors';
    case 'Gather':
      return shape.length === 2 && intAttribute(node, 'axis', 0) === 0
        ? { input: -1, output: -1, writes: along(1) }
        : 'its table has several axes';
    default:
      return `${node.op} takes no factors`;
  }
}
