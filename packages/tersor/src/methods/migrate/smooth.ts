import { type Context, defineMethod } from '../../core/method.ts';
import { type Columns, ofInput } from '../../core/observation.ts';
import { oneOf, type Values } from '../../core/options.ts';
import { byChannel, migrateChannels, migrationOptions, type ReadMatrix, readMatrix, type Site, weightPeaks } from '../migrate-channels.ts';

const options = {
  alpha: oneOf(['auto', 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1], {
    default: 'auto',
    doc: 'How much of what makes activations hard to round goes into the weights; auto: what loses least for each set of layers.',
    search: ['auto', 0.5],
  }),
  share: oneOf(['row', 'tensor'], { default: 'row', doc: 'What is going to share a scale in the weights, which alpha is chosen for.' }),
  ...migrationOptions,
};

type Asked = Values<typeof options>;

export default defineMethod({
  id: 'smooth',
  family: 'migrate',
  summary: 'Moves outliers of activations into the weights, so that both can be rounded to 8 bits. The model computes the same.',
  notes: [
    'A step before activations are rounded, too: `dynamic-int8`, or static 8 bits. Each channel is divided by a factor where it is computed, and weights that read it are multiplied.',
    '',
    'With `auto`, alpha is the one that loses least by how large channels, weights and products are: an estimate, made without running anything again. Layers that nothing takes factors for',
    'are left alone and named; `insert` helps them. It helps where few channels are far larger than others, and does nothing for weights that are rounded alone: that is what `awq` is for.',
    '',
    'What outputs lost with `insert` and `dynamic-int8`, over `dynamic-int8` alone, on samples that no step saw: .41 (PP-OCR rec), .56 (MiniLM), .77 to .86 (a language model), and 1.0 where that step',
    'finds few layers (MobileNetV2, silero). On EfficientNet-Lite0, where it rounds the last layer alone, .00006 became .0007: the estimate was wrong there.',
  ].join('\n'),
  source: 'https://arxiv.org/abs/2211.10438',
  options,
  changes: 'graph',
  loss: 'none',
  formats: ['onnx'],
  needs: (_, __, scope) =>
    scope
      .filter(({ kind }) => kind !== 'embedding')
      .flatMap(({ weight }) => [ofInput(weight.id, 'outliers'), ofInput(weight.id, 'mean-square')]),
  apply: (model, asked, context) => migrateChannels(model, asked, context, (site) => smoothed(site, asked, context)),
});

/** Weights of alpha that are tried: 0 would leave activations as they are. */
const ALPHAS = Array.from({ length: 19 }, (_, i) => (i + 1) / 20);
/** Steps of 8 bits from the smallest to the largest value. */
const STEPS = 255;

interface Seen extends ReadMatrix {
  /** Largest magnitudes and mean squares of columns. */
  readonly peaks: Columns;
  readonly squares: Columns;
}

async function smoothed(
  { migration: { channels }, readers }: Site,
  { alpha, share }: Asked,
  context: Context,
): Promise<Float64Array | undefined> {
  const layers: Seen[] = [];
  for (const reader of readers) {
    const { id } = reader.layer.weight;
    const [peaks, squares] = [await context.observed(ofInput(id, 'outliers')), await context.observed(ofInput(id, 'mean-square'))];
    if (peaks && squares) layers.push({ ...(await readMatrix(reader, peaks.groups)), peaks, squares });
    else context.note(id, 'gets no factors of its own: no run of the data came through it');
  }
  if (layers.length === 0) return undefined;
  const activations = new Float64Array(channels);
  for (const layer of layers) {
    byChannel(layer.peaks.values, layer, channels, Math.max).forEach((peak, i) => {
      activations[i] = Math.max(activations[i]!, peak);
    });
  }
  const peaks = weightPeaks(layers, channels);
  const factorsAt = (power: number) =>
    activations.map((size, i) => (size > 0 && peaks[i]! > 0 ? size ** power / peaks[i]! ** (1 - power) : 1));
  if (alpha !== 'auto') return factorsAt(alpha);
  const ones = new Float64Array(channels).fill(1);
  const tried = [ones, ...ALPHAS.map(factorsAt)].map((factors) => ({
    factors,
    loss: layers.reduce((sum, layer) => sum + lossOf(layer, factors, activations, share), 0),
  }));
  return tried.reduce((best, each) => (each.loss < best.loss ? each : best)).factors;
}

/**
 * What outputs are expected to lose: a step of activations, one for all, meets every weight; a step of weights meets the activations' squares. Rounding errors
 * are a twelfth of their step squared, and independent.
 */
function lossOf(layer: Seen, factors: Float64Array, activations: Float64Array, share: Asked['share']): number {
  const { values, rows, columns, groups, channels, squares } = layer;
  const by = Float64Array.from(channels, (id) => (id < 0 ? 1 : factors[id]!));
  const widest = Math.max(...activations.map((size, i) => size / factors[i]!));
  let product = 0;
  let largest = 0;
  let ofWeights = 0;
  for (let row = 0, i = 0; row < rows; row++) {
    const start = Math.floor((row * groups) / rows) * columns;
    let peak = 0;
    for (let column = 0; column < columns; column++, i++) {
      const value = Math.abs(values[i]! * by[start + column]!);
      product += value * value;
      peak = Math.max(peak, value);
    }
    largest = Math.max(largest, peak);
    ofWeights += share === 'row' ? peak ** 2 : 1;
  }
  let energy = 0;
  for (const [i, square] of squares.values.entries()) energy += square / by[i]! ** 2 / groups;
  const steps = share === 'row' ? ofWeights : ofWeights * largest ** 2;
  return ((2 * widest) / STEPS) ** 2 * product + steps * (2 / STEPS) ** 2 * energy;
}
