import { floatAttribute, intAttribute, intsAttribute, type Node } from '../graph.ts';
import { CONSTANT_RULES, squared } from './constant-rules.ts';
import { inverse, type Lanes, picked, renumbered, reshaped, type Sizes, widened } from './lanes.ts';
import { layerRule } from './layer-rules.ts';
import { NORM_RULES } from './norm-rules.ts';
import type { Port, Rule } from './port.ts';

/** Operators that let a positive factor of each channel pass as it is. */
const HOMOGENEOUS = ['Relu', 'LeakyRelu', 'Abs', 'Neg', 'Identity', 'Dropout'];
/** Types that a Cast keeps fractions in, as ONNX numbers them: floats of 32, 16 and 64 bits, and bfloat16. */
const FLOATS = [1, 10, 11, 16];
/** The same where channels are axis 1. */
const SPATIAL = ['MaxPool', 'AveragePool', 'GlobalAveragePool', 'GlobalMaxPool', 'LpPool', 'GlobalLpPool', 'Resize', 'Upsample'];
const RESHAPING = ['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze'];
const REDUCING = ['ReduceMean', 'ReduceSum', 'ReduceMax', 'ReduceMin', 'ReduceL1', 'ReduceL2'];

const RULES: Readonly<Record<string, Rule>> = {
  ...Object.fromEntries(HOMOGENEOUS.map((op) => [op, (port: Port) => both(port, (lanes) => lanes)])),
  ...Object.fromEntries(SPATIAL.map((op) => [op, spatial])),
  ...Object.fromEntries(RESHAPING.map((op) => [op, reshape])),
  ...Object.fromEntries(REDUCING.map((op) => [op, reduce])),
  ...CONSTANT_RULES,
  ...NORM_RULES,
  Cast: cast,
  Pad: pad,
  Transpose: transpose,
  Expand: expand,
  Gather: gather,
  Slice: slice,
  Split: split,
  Concat: concat,
  MatMul: product,
  Clip: clip,
  Pow: power,
  // what only asks for sizes or types
  Shape: () => undefined,
  Size: () => undefined,
};

/** What lets channels be mixed with each other: sums of them, and what only moves them. */
const MIXING = new Set([
  ...['Identity', 'Dropout', 'Cast', ...RESHAPING, 'Transpose', 'Expand', 'Gather', 'Slice', 'Split', 'Concat', 'MatMul', 'Shape', 'Size'],
  ...['Add', 'Sub', 'Sum', 'Mul', 'Div', 'Pow', 'Pad', 'AveragePool', 'GlobalAveragePool', 'ReduceMean', 'ReduceSum'],
  ...['RMSNormalization', 'SimplifiedLayerNormalization'],
]);

/** What a node does to factors. */
export function ruleOf(node: Node): Rule {
  return (port) => {
    const layered = layerRule(port);
    if (layered) return layered.refusal;
    const key = node.domain === '' || node.domain === 'ai.onnx' ? node.op : `${node.domain}:${node.op}`;
    const rule = Object.hasOwn(RULES, key) ? RULES[key] : undefined;
    if (port.mixed && !MIXING.has(key)) return `${node.op} lets no mixed channels pass`;
    return rule ? rule(port) : `${node.op} lets no factors pass`;
  };
}

/** From the first input to the first output and back. */
function both(port: Port, there: (lanes: Lanes) => Lanes | string, back: (lanes: Lanes) => Lanes | string = there): string | undefined {
  const [input = '', output = ''] = [port.node.inputs[0], port.node.outputs[0]];
  return along(port, input, output, there) ?? along(port, output, input, back);
}

function along(port: Port, from: string, to: string, map: (lanes: Lanes) => Lanes | string): string | undefined {
  const lanes = port.lanesOf(from);
  if (!lanes) return undefined;
  const mapped = map(lanes);
  if (typeof mapped === 'string') return mapped;
  port.give(to, mapped);
  return undefined;
}

/** Integers and small floats round values, scaled or not, to the same steps. */
function cast(port: Port): string | undefined {
  return FLOATS.includes(intAttribute(port.node, 'to', 0)) ? both(port, (lanes) => lanes) : 'Cast rounds it';
}

function spatial(port: Port): string | undefined {
  if (port.node.outputs.slice(1).some((name) => name !== '')) return `${port.node.op} gives positions, too`;
  if (floatAttribute(port.node, 'extrapolation_value', 0) !== 0) return `${port.node.op} adds what is not zero`;
  const [input, output] = [port.survey.sizes(port.node.inputs[0] ?? ''), port.survey.sizes(port.node.outputs[0] ?? '')];
  if (input?.[1] === undefined || input[1] !== output?.[1]) return 'how many channels it has is not known';
  return both(port, (lanes) => port.narrow(lanes, [1]));
}

function pad(port: Port): string | undefined {
  const { node, survey } = port;
  const [input, output] = [survey.sizes(node.inputs[0] ?? ''), survey.sizes(node.outputs[0] ?? '')];
  const fill = node.inputs[2] ? survey.number(node.inputs[2]) : 0;
  if (fill !== 0 || (node.attributes.has('value') && survey.opset < 11)) return 'Pad adds what is not zero';
  const isKept = (axis: number) => input?.[axis] !== undefined && input[axis] === output?.[axis];
  return both(port, (lanes) => (lanes.axes.every(isKept) ? lanes : 'Pad adds channels'));
}

function transpose(port: Port): string | undefined {
  const rank = port.survey.sizes(port.node.inputs[0] ?? '')?.length;
  const perm = intsAttribute(port.node, 'perm') ?? (rank === undefined ? undefined : Array.from({ length: rank }, (_, i) => rank - 1 - i));
  if (!perm) return UNKNOWN_RANK;
  return both(
    port,
    (lanes) => renumbered(lanes, (axis) => perm.indexOf(axis)),
    (lanes) => renumbered(lanes, (axis) => perm[axis] ?? axis),
  );
}

function reshape(port: Port): string | undefined {
  const [input, output] = [port.survey.sizes(port.node.inputs[0] ?? ''), port.survey.sizes(port.node.outputs[0] ?? '')];
  if (!input || !output) return UNKNOWN_RANK;
  return both(
    port,
    (lanes) => reshaped(lanes, input, output),
    (lanes) => reshaped(lanes, output, input),
  );
}

function reduce(port: Port): string | undefined {
  const { node, survey } = port;
  const rank = survey.sizes(node.inputs[0] ?? '')?.length;
  const given = node.inputs[1] ? survey.integers(node.inputs[1]) : intsAttribute(node, 'axes');
  if (!rank || !given) return 'which axes it reduces is not known';
  const gone = given.map((axis) => (axis < 0 ? axis + rank : axis)).sort((a, b) => a - b);
  const kept = Array.from({ length: rank }, (_, axis) => axis).filter((axis) => !gone.includes(axis));
  const keeps = intAttribute(node, 'keepdims', 1) !== 0;
  return both(
    port,
    (lanes) => {
      const narrow = port.narrow(lanes, kept);
      return typeof narrow === 'string' ? narrow : keeps ? narrow : renumbered(narrow, (axis) => kept.indexOf(axis));
    },
    (lanes) => (keeps ? lanes : renumbered(lanes, (axis) => kept[axis] ?? axis)),
  );
}

/** Copies along an axis are one channel. */
function expand(port: Port): string | undefined {
  const [input, output] = [port.survey.sizes(port.node.inputs[0] ?? ''), port.survey.sizes(port.node.outputs[0] ?? '')];
  if (!input || !output) return UNKNOWN_RANK;
  const shift = output.length - input.length;
  const own = input.flatMap((size, axis) => (size !== undefined && size === output[axis + shift] ? [axis + shift] : []));
  return both(
    port,
    (lanes) => {
      const moved = renumbered(lanes, (axis) => axis + shift);
      return moved.axes.every((axis) => own.includes(axis)) ? moved : 'it is spread along its channels';
    },
    (lanes) => {
      const narrow = port.narrow(lanes, own);
      return typeof narrow === 'string' ? narrow : renumbered(narrow, (axis) => axis - shift);
    },
  );
}

/** Of values; tables are layers. */
function gather(port: Port): string | undefined {
  const { node, survey } = port;
  const [rank, indices] = [survey.sizes(node.inputs[0] ?? '')?.length, survey.sizes(node.inputs[1] ?? '')?.length];
  if (rank === undefined || indices === undefined) return UNKNOWN_RANK;
  if (port.lanesOf(node.inputs[1] ?? '')) return 'it looks up by it';
  const axis = positive(intAttribute(node, 'axis', 0), rank);
  const [index] = (indices === 0 && survey.integers(node.inputs[1] ?? '')) || [];
  const size = survey.sizes(node.inputs[0] ?? '')?.[axis];
  if (index !== undefined && size !== undefined && size <= MOST_STACKED) return unstack(port, axis, positive(index, size), size);
  return both(
    port,
    (lanes) =>
      lanes.axes.includes(axis) ? 'Gather picks channels' : renumbered(lanes, (each) => (each < axis ? each : each + indices - 1)),
    (lanes) =>
      lanes.axes.some((each) => each >= axis && each < axis + indices)
        ? 'Gather picks channels'
        : renumbered(lanes, (each) => (each < axis ? each : each - indices + 1)),
  );
}

/** One of few values along an axis, which goes. */
function unstack(port: Port, axis: number, index: number, size: number): string | undefined {
  const back = (lanes: Lanes): Lanes => {
    const moved = renumbered(lanes, (each) => (each < axis ? each : each + 1));
    const one =
      widened(
        moved,
        Array.from({ length: axis + 1 }, () => 1),
        [axis],
      ) ?? moved;
    return picked(one, axis, inverse([index], size));
  };
  return both(
    port,
    (lanes) => {
      if (!lanes.axes.includes(axis)) return renumbered(lanes, (each) => (each < axis ? each : each - 1));
      const { axes, sizes, ids } = picked(lanes, axis, [index]);
      const at = axes.indexOf(axis);
      return { axes: axes.toSpliced(at, 1).map((each) => (each < axis ? each : each - 1)), sizes: sizes.toSpliced(at, 1), ids };
    },
    back,
  );
}

function slice(port: Port): string | undefined {
  const { node, survey } = port;
  const sizes = survey.sizes(node.inputs[0] ?? '');
  if (!sizes) return UNKNOWN_RANK;
  const list = (input: number, attribute: string) =>
    node.inputs[input] ? survey.integers(node.inputs[input]) : intsAttribute(node, attribute);
  const [starts, ends] = [list(1, 'starts'), list(2, 'ends')];
  const axes = node.inputs[3] || node.attributes.has('axes') ? list(3, 'axes') : starts?.map((_, i) => i);
  const steps = node.inputs[4] ? survey.integers(node.inputs[4]) : starts?.map(() => 1);
  /** Positions that stay, of an axis that is cut; `all` for others. */
  const kept = (axis: number): readonly number[] | 'all' | undefined => {
    const at = axes?.map((each) => positive(each, sizes.length)).indexOf(axis);
    if (at === -1) return 'all';
    const [size, start, end, step] = [sizes[axis], starts?.[at ?? -1], ends?.[at ?? -1], steps?.[at ?? -1]];
    if (size === undefined || start === undefined || end === undefined || step !== 1) return undefined;
    const within = (position: number) => Math.min(size, Math.max(0, position < 0 ? position + size : position));
    return Array.from({ length: Math.max(0, within(end) - within(start)) }, (_, i) => within(start) + i);
  };
  return cut(port, node.outputs[0] ?? '', kept, sizes);
}

function split(port: Port): string | undefined {
  const { node, survey } = port;
  const sizes = survey.sizes(node.inputs[0] ?? '');
  if (!sizes) return UNKNOWN_RANK;
  const axis = positive(intAttribute(node, 'axis', 0), sizes.length);
  let start = 0;
  for (const output of node.outputs) {
    const length = survey.sizes(output)?.[axis];
    if (length === undefined) return 'where it is split is not known';
    const from = Array.from({ length }, (_, i) => start + i);
    start += length;
    const refusal = cut(port, output, (each) => (each === axis ? from : 'all'), sizes);
    if (refusal) return refusal;
  }
  return undefined;
}

/** Between the first input and a part of it. */
function cut(port: Port, output: string, kept: (axis: number) => readonly number[] | 'all' | undefined, sizes: Sizes): string | undefined {
  const follow = (lanes: Lanes, isBack: boolean): Lanes | string => {
    let result = isBack ? withStacked(lanes, kept, sizes) : lanes;
    for (const axis of result.axes) {
      const from = kept(axis);
      if (from === undefined) return 'which channels it takes is not known';
      if (from !== 'all') result = picked(result, axis, isBack ? inverse(from, sizes[axis] ?? 0) : from);
    }
    return result;
  };
  const input = port.node.inputs[0] ?? '';
  return along(port, input, output, (lanes) => follow(lanes, false)) ?? along(port, output, input, (lanes) => follow(lanes, true));
}

/** An axis along which few values are stacked, of which one is taken: the others are none of the group's. */
const MOST_STACKED = 8;

/** Lanes along stacked axes, too, of which one position is taken. */
function withStacked(lanes: Lanes, kept: (axis: number) => readonly number[] | 'all' | undefined, sizes: Sizes): Lanes {
  const stacked = sizes.flatMap((size, axis) => {
    const from = kept(axis);
    return size !== undefined && size <= MOST_STACKED && Array.isArray(from) && from.length === 1 && !lanes.axes.includes(axis)
      ? [axis]
      : [];
  });
  return (
    widened(
      lanes,
      sizes.map((size, axis) => (stacked.includes(axis) ? 1 : size)),
      stacked,
    ) ?? lanes
  );
}

function concat(port: Port): string | undefined {
  const { node, survey } = port;
  const [output = ''] = node.outputs;
  const sizes = survey.sizes(output);
  if (!sizes) return UNKNOWN_RANK;
  const axis = positive(intAttribute(node, 'axis', 0), sizes.length);
  let start = 0;
  for (const input of node.inputs) {
    const given = port.lanesOf(output);
    const length = survey.sizes(input)?.[axis];
    if (given && !given.axes.includes(axis)) {
      port.give(input, given);
      continue;
    }
    const own = port.lanesOf(input);
    if (own && !own.axes.includes(axis)) {
      port.give(output, own);
      continue;
    }
    if (length === undefined || sizes[axis] === undefined) return 'where it is joined is not known';
    const from = Array.from({ length }, (_, i) => start + i);
    start += length;
    if (own) port.give(output, picked(own, axis, inverse(from, sizes[axis])));
    const part = given && picked(given, axis, from);
    if (part?.ids.some((id) => id >= 0) && survey.constant(input)) return 'a constant is joined to it';
    if (part) port.give(input, part);
  }
  return undefined;
}

/** Of two values: rows keep the axes of the first, columns those of the second; what is summed over lets nothing pass. */
function product(port: Port): string | undefined {
  const { node, survey } = port;
  const [left = '', right = ''] = node.inputs;
  const [output = ''] = node.outputs;
  const ranks = [left, right, output].map((name) => survey.sizes(name)?.length);
  const [a, b, c] = ranks;
  if (a === undefined || b === undefined || c === undefined || Math.min(a, b) < 2) return UNKNOWN_RANK;
  if (survey.constant(left) || survey.constant(right)) return 'its product is with a constant that is no layer';
  const [first, second, given] = [port.lanesOf(left), port.lanesOf(right), port.lanesOf(output)];
  if (first && second) return 'both factors of a product are concerned';
  if (first?.axes.includes(a - 1) || second?.axes.includes(b - 2)) return 'it is summed over by a product of two values';
  if (first)
    port.give(
      output,
      renumbered(first, (axis) => axis + c - a),
    );
  if (second)
    port.give(
      output,
      renumbered(second, (axis) => axis + c - b),
    );
  if (!given || first || second) return undefined;
  const takesRight = given.axes.includes(c - 1);
  const [name, rank] = takesRight ? [right, b] : [left, a];
  const sizes = survey.sizes(name);
  if (takesRight && given.axes.includes(c - 2)) return 'rows and columns of a product are concerned';
  // heads that were not counted before a run are as many as the channels say
  const isOwn = given.axes.every((axis, i) => axis - c + rank >= 0 && (sizes?.[axis - c + rank] ?? given.sizes[i]) === given.sizes[i]);
  if (!isOwn) return 'it is spread along its channels';
  port.give(
    name,
    renumbered(given, (axis) => axis - c + rank),
  );
  return undefined;
}

/** One bound for each channel. */
function clip(port: Port): string | undefined {
  const { node, survey } = port;
  const [value = ''] = node.inputs;
  const lanes = port.lanesOf(value) ?? port.lanesOf(node.outputs[0] ?? '');
  const rank = survey.sizes(value)?.length;
  if (!port.clip) return 'Clip has bounds that would have to be one for each channel';
  if (!lanes || rank === undefined) return UNKNOWN_RANK;
  const bound = (input: number, attribute: string, otherwise: number) =>
    node.inputs[input] ? survey.number(node.inputs[input]) : floatAttribute(node, attribute, otherwise);
  const [low, high] = [bound(1, 'min', Number.NEGATIVE_INFINITY), bound(2, 'max', Number.POSITIVE_INFINITY)];
  if (lanes.axes.length !== 1 || lanes.ids.some((id) => id < 0) || low === undefined || high === undefined)
    return 'Clip has bounds that are not known';
  port.clipped({ lanes, rank, low, high });
  return both(port, (each) => each);
}

/** Squares of mixed channels add up to what they did; nothing else of them can be known. */
function power(port: Port): string | undefined {
  const { node, survey } = port;
  return port.mixed && survey.number(node.inputs[1] ?? '') === 2 ? squared(port) : 'Pow lets no factors pass';
}

const UNKNOWN_RANK = 'how many axes it has is not known';

function positive(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}
