import { decode } from '../core/decode.ts';
import { intAttribute, type Node, type WeightId } from '../core/graph.ts';
import { readSmall } from '../core/graph-edit/scope.ts';
import type { Layer } from '../core/layers.ts';
import type { Weight } from '../core/model.ts';
import type { Columns } from '../core/observation.ts';
import { constantOf, type Flow, producerOf } from '../core/precision/flow.ts';

/**
 * Means of what a layer reads, as the BatchNormalization before it says: each channel is taken to be normally distributed around its bias, as wide as its scale, cut by
 * a Relu or Clip in between. What a convolution is padded with is not counted. Undefined where no normalization is right before the layer.
 * Source: Nagel et al. 2019, https://arxiv.org/abs/1906.04721, section 4.2.1 and appendix C
 */
export function normalizedMeans(
  { inputs }: Layer,
  node: Node,
  flow: Flow,
  weights: ReadonlyMap<WeightId, Weight>,
): (() => Promise<Pick<Columns, 'groups' | 'columns' | 'values'> | undefined>) | undefined {
  const made = producerOf(flow, node.inputs[0] ?? '')?.node;
  const activation = made?.op === 'Relu' || made?.op === 'Clip' ? made : undefined;
  const norm = activation ? producerOf(flow, activation.inputs[0] ?? '')?.node : made;
  if (norm?.op !== 'BatchNormalization' || intAttribute(norm, 'training_mode', 0) === 1) return undefined;
  const constant = (name: string | undefined) => weights.get(constantOf(flow, name ?? '') ?? '');
  const [scale, bias] = [constant(norm.inputs[1]), constant(norm.inputs[2])];
  const channels = bias?.shape[0] ?? 0;
  const groups = node.op === 'Conv' ? intAttribute(node, 'group', 1) : 1;
  const spread = (inputs * groups) / channels;
  if (!scale || !bias || bias.shape.length !== 1 || !Number.isInteger(spread)) return undefined;
  return async () => {
    const limit = async (name: string | undefined, otherwise: number) => {
      if (!name) return otherwise;
      const tensor = await readSmall(constant(name));
      return tensor ? (decode(tensor)[0] ?? Number.NaN) : Number.NaN;
    };
    const least = activation?.op === 'Relu' ? 0 : await limit(activation?.inputs[1], Number.NEGATIVE_INFINITY);
    const most = await limit(activation?.inputs[2], Number.POSITIVE_INFINITY);
    if (Number.isNaN(least) || Number.isNaN(most)) return undefined;
    const [widths, middles] = [decode(await scale.load()), decode(await bias.load())];
    const means = Float64Array.from(middles, (middle, i) => cutMean(middle, Math.abs(widths[i]!), least, most));
    return { groups, columns: inputs, values: Float64Array.from({ length: channels * spread }, (_, i) => means[Math.floor(i / spread)]!) };
  };
}

/** The mean of a normal distribution whose ends are moved to `least` and `most`, which may be infinite. */
export function cutMean(mean: number, width: number, least: number, most: number): number {
  if (!(width > 0)) return Math.min(most, Math.max(least, mean));
  const [low, high] = [(least - mean) / width, (most - mean) / width];
  const ends =
    (least === Number.NEGATIVE_INFINITY ? 0 : least * below(low)) + (most === Number.POSITIVE_INFINITY ? 0 : most * below(-high));
  return ends + mean * (below(high) - below(low)) + width * (density(low) - density(high));
}

function density(x: number): number {
  return Math.exp(-(x * x) / 2) / Math.sqrt(2 * Math.PI);
}

/** How much of the standard normal distribution lies below, to 1e-7. Source: Abramowitz and Stegun 1964, 26.2.17 */
function below(x: number): number {
  if (x > 0) return 1 - below(-x);
  if (x === Number.NEGATIVE_INFINITY) return 0;
  const t = 1 / (1 - 0.2316419 * x);
  const series = [0.31938153, -0.356563782, 1.781477937, -1.821255978, 1.330274429];
  return density(x) * series.reduceRight((sum, each) => (sum + each) * t, 0);
}
