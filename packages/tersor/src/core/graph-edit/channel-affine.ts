import type { Known } from '../evaluate-small/known.ts';
import { floatAttribute, intAttribute, type Node } from '../graph.ts';
import type { Site } from './edit-graphs.ts';

/** `y = x * factor + shift`, one pair per channel. */
export interface ChannelAffine {
  readonly factors: Float64Array;
  readonly shifts: Float64Array;
}

/** How a value's channels lie. */
export interface Channels {
  readonly count: number;
  /** Counted from the front when the rank is known, from the back (negative) when it is not. */
  readonly axis: number;
  readonly rank: number | undefined;
}

/**
 * What a node does to a value when that is one multiplication and addition per channel: BatchNormalization at inference, or arithmetic with
 * a constant. Undefined for anything else, for constants that are not finite, and where more than the channels would change.
 */
export async function channelAffineOf(node: Node, value: string, channels: Channels, site: Site): Promise<ChannelAffine | undefined> {
  if (node.domain !== '' || site.scope.opset < 7) return undefined;
  const affine =
    node.op === 'BatchNormalization'
      ? await batchNormalization(node, value, channels, site)
      : await arithmetic(node, value, channels, site);
  return affine?.factors.every(Number.isFinite) && affine.shifts.every(Number.isFinite) ? affine : undefined;
}

/** First one, then the other. */
export function compose(first: ChannelAffine, second: ChannelAffine): ChannelAffine {
  return {
    factors: first.factors.map((factor, i) => factor * second.factors[i]!),
    shifts: first.shifts.map((shift, i) => shift * second.factors[i]! + second.shifts[i]!),
  };
}

export function identityAffine(count: number): ChannelAffine {
  return { factors: new Float64Array(count).fill(1), shifts: new Float64Array(count) };
}

async function batchNormalization(
  node: Node,
  value: string,
  { count, axis, rank }: Channels,
  { known }: Site,
): Promise<ChannelAffine | undefined> {
  const trains = intAttribute(node, 'training_mode', 0) !== 0 || node.outputs.slice(1).some((name) => name !== '');
  const perElement = intAttribute(node, 'spatial', 1) === 0;
  const isChannelAxis = axis === 1 || (axis === -1 && rank === 2);
  if (trains || perElement || !isChannelAxis || node.inputs[0] !== value) return undefined;
  const [scale, bias, mean, variance] = await Promise.all(
    [1, 2, 3, 4].map(async (input) => floats(await known(node.inputs[input] ?? ''), count)),
  );
  if (!scale || !bias || !mean || !variance) return undefined;
  const epsilon = Math.fround(floatAttribute(node, 'epsilon', 1e-5));
  const factors = scale.map((gamma, i) => gamma / Math.sqrt(variance[i]! + epsilon));
  return { factors, shifts: bias.map((beta, i) => beta - mean[i]! * factors[i]!) };
}

async function arithmetic(node: Node, value: string, channels: Channels, { known }: Site): Promise<ChannelAffine | undefined> {
  const [left, right] = node.inputs;
  if (!left || !right || left === right || node.inputs.length !== 2) return undefined;
  const constant = await known(left === value ? right : left);
  const operand = constant && perChannel(constant, channels);
  if (!operand) return undefined;
  const ones = new Float64Array(channels.count).fill(1);
  const zeros = new Float64Array(channels.count);
  switch (node.op) {
    case 'Add':
      return { factors: ones, shifts: operand };
    case 'Mul':
      return { factors: operand, shifts: zeros };
    case 'Sub':
      return left === value ? { factors: ones, shifts: operand.map((x) => -x) } : { factors: ones.map((x) => -x), shifts: operand };
    case 'Div':
      return left === value ? { factors: operand.map((x) => 1 / x), shifts: zeros } : undefined;
    default:
      return undefined;
  }
}

/** A constant that broadcasts along the channels and nothing else, and adds no dimension. */
function perChannel(constant: Known, { count, axis, rank }: Channels): Float64Array | undefined {
  const { shape, values } = constant;
  if (shape.length > (rank ?? 1)) return undefined;
  if (values.length === 1) return new Float64Array(count).fill(Number(values[0]));
  const at = axis < 0 ? shape.length + axis : axis - (rank ?? 0) + shape.length;
  return shape[at] === count && values.length === count ? floats(constant, count) : undefined;
}

function floats(known: Known | undefined, count: number): Float64Array | undefined {
  return known?.values.length === count ? Float64Array.from(known.values, Number) : undefined;
}
