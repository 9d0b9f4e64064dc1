import { type Graph, intAttribute, makeNode, type Node } from '../graph.ts';
import type { Weight } from '../model.ts';
import { type ChannelAffine, channelAffineOf, compose, identityAffine } from './channel-affine.ts';
import { constantBytes, nodeBytes } from './cost.ts';
import { freshId, type Site } from './edit-graphs.ts';
import { isUnpadded, type Linear, linearOf } from './linear.ts';
import { freshName } from './names.ts';
import { savedBy } from './saved-by.ts';
import { scaleWeight, vectorWeight, weightedSums } from './scale-weight.ts';
import { readsOf } from './scope.ts';
import { countUses, producersOf } from './uses.ts';

/** One operator with what is folded into it. */
interface Fold {
  readonly linear: Linear;
  readonly gone: readonly Node[];
  /** What takes the place of the operator, and the name of the constant that is its bias. */
  build(biasName: string): readonly Node[];
  readonly needsBias: boolean;
  /** Done when the weight is pulled; absent when its values stay. */
  readonly factorAt: ((a: number, b: number) => number) | undefined;
  bias(): Promise<Float64Array>;
  /** Bytes that `bias` reads. */
  readonly reads: number;
}

export interface AffineFolds {
  readonly graph: Graph;
  readonly normalizations: number;
  readonly others: number;
  /** Operators left alone because a half-precision weight might not hold the product. */
  readonly risky: number;
}

/** Works multiplications and additions per channel into the weights and biases of the operators beside them. */
export async function foldAffine(graph: Graph, site: Site): Promise<AffineFolds> {
  const uses = countUses(graph);
  const producers = producersOf(graph);
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const consumers = new Map(graph.nodes.flatMap((node) => node.inputs.map((name) => [name, node] as const)));
  const onlyConsumer = (value: string) => (uses.get(value) === 1 && !outputs.has(value) ? consumers.get(value) : undefined);
  const isOwn = (name: string) => {
    const id = graph.initializers.get(name);
    return id !== undefined && uses.get(name) === 1 && site.declarations.get(id) === 1 && site.scope.constant(name) !== undefined;
  };

  const replaced = new Map<Node, readonly Node[]>();
  const initializers = new Map(graph.initializers);
  let [normalizations, others, risky] = [0, 0, 0];
  for (const node of graph.nodes) {
    if (replaced.has(node)) continue;
    const linear = await linearOf(node, graph, site, isOwn);
    if (!linear) continue;
    const fold =
      (await foldBehind(linear, onlyConsumer, site)) ??
      (await foldBefore(linear, (value) => (onlyConsumer(value) === node ? producers.get(value) : undefined), site));
    if (!fold || fold.gone.some((gone) => replaced.has(gone))) continue;
    if (linear.dtype === 'f16' && !staysInHalf(fold)) {
      risky += fold.gone.length;
      continue;
    }
    const oldBias = linear.biasInput === undefined ? '' : (node.inputs[linear.biasInput] ?? '');
    const biasName = isOwn(oldBias) ? oldBias : (freedConstant(fold.gone, isOwn) ?? freshName(site.definitions, `${node.inputs[1]}_bias`));
    const bias: Weight = {
      ...vectorWeight(initializers.get(biasName) ?? freshId(site, biasName), linear.dtype, linear.channels.count, fold.bias),
      ...(fold.reads > 0 && { reads: fold.reads }),
    };
    const built = fold.build(biasName);
    const growth = built.reduce((sum, each) => sum + nodeBytes(each), -nodeBytes(node));
    const cost = growth + (fold.needsBias && biasName !== oldBias ? constantBytes(biasName, bias) : 0);
    if (cost > savedBy(fold.gone, uses, producers, graph, site)) continue;
    if (fold.factorAt) site.weights.set(linear.weight.id, scaleWeight(linear.weight, fold.factorAt));
    if (fold.needsBias) {
      site.weights.set(bias.id, bias);
      initializers.set(biasName, bias.id);
    }
    for (const gone of fold.gone) replaced.set(gone, []);
    replaced.set(node, built);
    const normal = fold.gone.filter(({ op }) => op === 'BatchNormalization').length;
    normalizations += normal;
    others += fold.gone.length - normal;
  }
  const nodes = graph.nodes.flatMap((node) => replaced.get(node) ?? [node]);
  return { graph: replaced.size === 0 ? graph : { ...graph, nodes, initializers }, normalizations, others, risky };
}

/** What follows: `f * (W x + b) + s = (f W) x + (f b + s)`. */
async function foldBehind(linear: Linear, onlyConsumer: (value: string) => Node | undefined, site: Site): Promise<Fold | undefined> {
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
    linear,
    gone,
    needsBias,
    factorAt: scaling(affine, channelAt),
    bias: async () => sums,
    reads: 0,
    build: (biasName) => {
      if (biasInput !== undefined) return [withBias({ ...node, outputs: [value] }, needsBias ? biasName : '')];
      return addsNode
        ? [node, { ...makeNode('Add', [node.outputs[0] ?? '', biasName], [value]), name: '' }]
        : [{ ...node, outputs: [value] }];
    },
  };
}

/** What comes before: `W (f x + s) + b = (W f) x + (W s + b)`. */
async function foldBefore(linear: Linear, producer: (value: string) => Node | undefined, site: Site): Promise<Fold | undefined> {
  const before = producer(linear.node.inputs[0] ?? '');
  if (before?.op === 'Mul' || before?.op === 'Div') return foldFactor(linear, before, site);
  return before?.op === 'BatchNormalization' && linear.node.op === 'Conv' ? foldNormalization(linear, before, site) : undefined;
}

/** One factor for all elements. */
async function foldFactor(linear: Linear, before: Node, { scope, known }: Site): Promise<Fold | undefined> {
  const { node, bias, biasInput } = linear;
  const [left = '', right = ''] = before.inputs;
  const source = before.op === 'Mul' && scope.constant(left) ? right : left;
  const constant = await known(source === left ? right : left);
  // With more dimensions the constant could be what gives the value its rank.
  if (before.domain !== '' || scope.opset < 7 || !constant || constant.values.length !== 1 || constant.shape.length > 1) return undefined;
  const factor = before.op === 'Mul' ? Number(constant.values[0]) : 1 / Number(constant.values[0]);
  const needsBias = biasInput !== undefined && Boolean(node.inputs[biasInput]);
  if (!Number.isFinite(factor)) return undefined;
  return {
    linear,
    gone: [before],
    needsBias,
    factorAt: () => factor,
    bias: async () => bias,
    reads: 0,
    build: (biasName) => {
      const moved = { ...node, inputs: [source, ...node.inputs.slice(1)] };
      return [biasInput === undefined ? moved : withBias(moved, needsBias ? biasName : '')];
    },
  };
}

/** Zeros of padding come after the shift, so a shift needs an unpadded Conv. */
async function foldNormalization(linear: Linear, before: Node, site: Site): Promise<Fold | undefined> {
  const { node, weight, bias } = linear;
  const [outputs = 1, perGroup = 1] = weight.shape;
  const group = intAttribute(node, 'group', 1);
  const inputAt = (a: number, b: number) => Math.floor(a / (outputs / group)) * perGroup + b;
  const source = before.inputs[0] ?? '';
  const affine = await channelAffineOf(before, source, { count: perGroup * group, axis: 1, rank: weight.shape.length }, site);
  const shifts = affine?.shifts.some((shift) => shift !== 0) ?? false;
  if (!affine || (shifts && !isUnpadded(node))) return undefined;
  const needsBias = shifts || bias.some((value) => value !== 0);
  return {
    linear,
    gone: [before],
    needsBias,
    factorAt: scaling(affine, inputAt),
    bias: async () => {
      const sums = await weightedSums(weight, (a, b) => affine.shifts[inputAt(a, b)]!);
      return sums.map((sum, i) => sum + bias[i]!);
    },
    reads: readsOf(weight),
    build: (biasName) => [withBias({ ...node, inputs: [source, ...node.inputs.slice(1)] }, needsBias ? biasName : '')],
  };
}

function scaling({ factors }: ChannelAffine, channelAt: Linear['channelAt']): Fold['factorAt'] {
  return factors.every((factor) => factor === 1) ? undefined : (a, b) => factors[channelAt(a, b)]!;
}

function withBias(node: Node, biasName: string): Node {
  const [data = '', weight = ''] = node.inputs;
  const attributes = new Map([...node.attributes].filter(([name]) => name !== 'beta')); // already in the bias
  return { ...node, inputs: biasName === '' ? [data, weight] : [data, weight, biasName], attributes };
}

/** The name of a constant that nobody needs any more: shifts first, so that a bias keeps the name of a bias. */
function freedConstant(gone: readonly Node[], isOwn: (name: string) => boolean): string | undefined {
  const candidates = gone.toReversed().flatMap(({ op, inputs }) => (op === 'BatchNormalization' ? inputs.slice(2, 3) : inputs));
  return candidates.find((name) => isOwn(name));
}

/** Below this factor a half-precision weight would lose accuracy, above 1 it could overflow. */
const LEAST_HALF_FACTOR = 2 ** -6;

function staysInHalf({ linear: { weight }, factorAt }: Fold): boolean {
  if (!factorAt) return true;
  const [rows = 1, columns = 1] = weight.shape;
  for (let a = 0; a < rows; a++) {
    for (let b = 0; b < columns; b++) {
      const factor = Math.abs(factorAt(a, b));
      if (factor > 1 || factor < LEAST_HALF_FACTOR) return false;
    }
  }
  return true;
}
