import { intAttribute, makeNode, type Node } from '../graph.ts';
import { type ChannelAffine, channelAffineOf, compose, identityAffine } from './channel-affine.ts';
import type { Site } from './edit-graphs.ts';
import { isUnpadded, type Linear } from './linear.ts';
import { type FactorAt, weightedSums } from './scale-weight.ts';
import { readsOf } from './scope.ts';

/** How nodes beside a linear operator are worked into it. */
export interface AffineFold {
  readonly gone: readonly Node[];
  /** For the elements of the weight; absent when they stay as they are. */
  readonly factorAt: FactorAt | undefined;
  /** A vector that is needed, usually the new bias. */
  readonly constant: NewConstant | undefined;
  /** What takes the place of the operator, given the name of the constant. */
  build(constant: string): readonly Node[];
}

interface NewConstant {
  readonly length: number;
  values(): Promise<Float64Array>;
  /** Bytes that `values` reads. */
  readonly reads: number;
  /** The bias whose place it takes; `''` for none. */
  readonly replaces: string;
}

/** The only node that reads a value, when there is just one. */
type OnlyConsumer = (value: string) => Node | undefined;
type Producer = (value: string) => Node | undefined;

/** What follows: `f * (W x + b) + s = (f W) x + (f b + s)`. */
export async function foldBehind(linear: Linear, onlyConsumer: OnlyConsumer, site: Site): Promise<AffineFold | undefined> {
  const { node, channels, channelAt, biasInput, bias } = linear;
  const gone: Node[] = [];
  let affine = identityAffine(channels.count);
  let value = node.outputs[0] ?? '';
  for (let next = onlyConsumer(value); next; next = onlyConsumer(value)) {
    const step = await channelAffineOf(next, value, channels, site);
    if (!step) break;
    affine = compose(affine, step);
    gone.push(next);
    value = next.outputs[0] ?? '';
  }
  const sums = bias.map((old, i) => old * affine.factors[i]! + affine.shifts[i]!);
  const mustHaveBias = node.op === 'Gemm' && site.scope.opset < 11;
  const needsBias = mustHaveBias || sums.some((sum) => sum !== 0);
  const addsNode = biasInput === undefined && needsBias;
  // One Add for another is no gain; for a BatchNormalization it is.
  if (gone.length === 0 || (addsNode && gone.length === 1 && gone[0]?.op !== 'BatchNormalization')) return undefined;
  return {
    gone,
    factorAt: scaling(affine, channelAt),
    constant: needsBias ? { length: channels.count, values: async () => sums, reads: 0, replaces: oldBias(linear) } : undefined,
    build: (constant) => {
      if (addsNode) return [node, addition(node.outputs[0] ?? '', constant, value)];
      const moved = { ...node, outputs: [value] };
      return [biasInput === undefined ? moved : withBias(moved, constant)];
    },
  };
}

/** What comes before: `W (f x + s) + b = (W f) x + (W s + b)`. */
export async function foldBefore(
  linear: Linear,
  onlyConsumer: OnlyConsumer,
  producer: Producer,
  site: Site,
): Promise<AffineFold | undefined> {
  const { node, channels, weight, bias } = linear;
  const before = (value: string, reader: Node) => (onlyConsumer(value) === reader ? producer(value) : undefined);
  const nearest = before(node.inputs[0] ?? '', node);
  if (nearest?.op === 'BatchNormalization') return foldNormalization(linear, nearest, site);

  const gone: Node[] = [];
  let affine = identityAffine(1);
  let source = node.inputs[0] ?? '';
  for (let next = nearest; next; next = before(source, next)) {
    const step = await uniformAffineOf(next, site);
    if (!step) break;
    affine = compose(step.affine, affine);
    gone.push(next);
    source = step.source;
  }
  const [factor = 1, shift = 0] = [affine.factors[0], affine.shifts[0]];
  if (gone.length === 0) return undefined;
  const factorAt = factor === 1 ? undefined : () => factor;
  const reading = (value: string): Node => ({ ...node, inputs: [value, ...node.inputs.slice(1)] });
  if (shift === 0) return { gone, factorAt, constant: undefined, build: () => [reading(source)] };
  if (node.op === 'Conv' && isUnpadded(node)) {
    const values = async () => (await weightedSums(weight, () => shift)).map((sum, i) => sum + bias[i]!);
    return {
      gone,
      factorAt,
      constant: { length: channels.count, values, reads: readsOf(weight), replaces: oldBias(linear) },
      build: (constant) => [withBias(reading(source), constant)],
    };
  }
  // f x + s = f (x + s/f): one addition stays, whatever stood here.
  const rest = shift / factor;
  if (gone.length < 2 || !Number.isFinite(rest)) return undefined;
  const sum = node.inputs[0] ?? '';
  return {
    gone,
    factorAt,
    constant: { length: 1, values: async () => Float64Array.of(rest), reads: 0, replaces: '' },
    build: (constant) => [addition(source, constant, sum), node],
  };
}

/** Padding puts zeros where the shift does not reach, so with a shift the Conv must have none. */
async function foldNormalization(linear: Linear, before: Node, site: Site): Promise<AffineFold | undefined> {
  const { node, channels, weight, bias } = linear;
  if (node.op !== 'Conv') return undefined;
  const [outputs = 1, perGroup = 1] = weight.shape;
  const group = intAttribute(node, 'group', 1);
  const inputAt = (a: number, b: number) => Math.floor(a / (outputs / group)) * perGroup + b;
  const source = before.inputs[0] ?? '';
  const affine = await channelAffineOf(before, source, { count: perGroup * group, axis: 1, rank: weight.shape.length }, site);
  const shifts = affine?.shifts.some((shift) => shift !== 0) ?? false;
  if (!affine || (shifts && !isUnpadded(node))) return undefined;
  const values = async () => {
    const sums = await weightedSums(weight, (a, b) => affine.shifts[inputAt(a, b)]!);
    return sums.map((sum, i) => sum + bias[i]!);
  };
  const reading: Node = { ...node, inputs: [source, ...node.inputs.slice(1)] };
  return {
    gone: [before],
    factorAt: scaling(affine, inputAt),
    constant: shifts ? { length: channels.count, values, reads: readsOf(weight), replaces: oldBias(linear) } : undefined,
    build: (constant) => [shifts ? withBias(reading, constant) : reading],
  };
}

/** Arithmetic with one number for all elements, and the value it is done to. */
async function uniformAffineOf(node: Node, site: Site): Promise<{ source: string; affine: ChannelAffine } | undefined> {
  const [left = '', right = ''] = node.inputs;
  const source = site.scope.constant(left) ? right : left;
  const constant = await site.known(source === left ? right : left);
  // With more dimensions the constant could be what gives the value its rank.
  if (node.op === 'BatchNormalization' || constant?.values.length !== 1 || constant.shape.length > 1) return undefined;
  const affine = await channelAffineOf(node, source, { count: 1, axis: -1, rank: undefined }, site);
  return affine && { source, affine };
}

function scaling({ factors }: ChannelAffine, channelAt: FactorAt): FactorAt | undefined {
  return factors.every((factor) => factor === 1) ? undefined : (a, b) => factors[channelAt(a, b)]!;
}

function oldBias({ node, biasInput }: Linear): string {
  return biasInput === undefined ? '' : (node.inputs[biasInput] ?? '');
}

function withBias(node: Node, bias: string): Node {
  const [data = '', weight = ''] = node.inputs;
  const attributes = new Map([...node.attributes].filter(([name]) => name !== 'beta')); // already in the bias
  return { ...node, inputs: bias === '' ? [data, weight] : [data, weight, bias], attributes };
}

function addition(value: string, constant: string, output: string): Node {
  return { ...makeNode('Add', [value, constant], [output]), name: '' };
}
