import { fingerprint } from '../../core/fingerprint.ts';
import type { QuantizeSpec } from '../../core/kernels.ts';
import { type Context, defineMethod } from '../../core/method.ts';
import { type Gram, ofInput } from '../../core/observation.ts';
import { boolean, oneOf, type Values } from '../../core/options.ts';
import { byChannel, migrateChannels, migrationOptions, type ReadMatrix, readMatrix, type Site, weightPeaks } from '../migrate-channels.ts';

const options = {
  bits: oneOf([2, 4, 8], { default: 4, doc: 'Bits that the weights are going to have.', search: [4, 2] }),
  block: oneOf(['row', 16, 32, 64, 128, 256], { default: 32, doc: 'Weights that are going to share a scale.' }),
  symmetric: boolean({ default: false, doc: 'Whether they are going to be rounded without zero points.' }),
  fit: oneOf(['absmax', 'mse', 'hqq'], { default: 'mse', doc: 'How their scales are going to be found.' }),
  ...migrationOptions,
};

type Asked = Values<typeof options>;

export default defineMethod({
  id: 'awq',
  family: 'migrate',
  summary:
    'Scales channels that matter before weights are rounded, and what computes them the other way: smaller losses at the same bytes.',
  notes: [
    'A step before `rtn` or `gptq`, with the bits and blocks of that step: nothing is rounded here, and the model computes the same. Factors are powers of the size of each',
    "channel's activations, alone or over the largest weight; which power, is tried on what layers lose by rounding on your data, so that the layers' own losses never grow on the data that was seen.",
    '',
    'Factors go into normalizations, into the layer before (through Relu, pooling, attention and the like), or nowhere: such layers are named, and `insert` helps them.',
    '',
    'What outputs lost, over what they lose without this step, with `insert`, on samples that no step saw: at 4 bits in blocks of 32, before `rtn`, .73 (MiniLM), .84 (MobileNetV2), .89 (PP-OCR',
    'rec), .90 (a language model), .95 (silero), .96 (EfficientNet-Lite0); before `gptq`, which makes up for much of the same, .85, .85, .65, 1.03 and .89 of the first five. At 2 bits',
    'before `gptq` it does nothing or harm: there, leave it out.',
  ].join('\n'),
  source: 'https://arxiv.org/abs/2306.00978',
  options,
  changes: 'graph',
  loss: 'none',
  formats: ['onnx'],
  needs: (_, __, scope) => scope.filter(({ kind }) => kind !== 'embedding').map(({ weight }) => ofInput(weight.id, 'gram')),
  apply: (model, asked, context) => migrateChannels(model, asked, context, (site) => bestFactors(site, asked, context)),
});

/** Powers of activations that are tried. */
const POWERS = Array.from({ length: 20 }, (_, i) => (i + 1) / 20);
/** Rows of a weight that they are tried on, as if inputs were independent; the best are compared on all rows, as inputs are. */
const TRIAL_ROWS = 128;
const FINALISTS = 3;
/** Channels that are hardly there count as if they were this much of the largest. */
const LEAST_SHARE = 1e-4;

interface Seen extends ReadMatrix {
  readonly gram: Gram;
}

async function bestFactors({ migration: { channels }, readers }: Site, asked: Asked, context: Context): Promise<Float64Array | undefined> {
  const layers: Seen[] = [];
  for (const reader of readers) {
    const gram = await context.observed(ofInput(reader.layer.weight.id, 'gram'));
    if (gram) layers.push({ ...(await readMatrix(reader, gram.groups)), gram });
    else context.note(reader.layer.weight.id, 'gets no factors of its own: no run of the data came through it');
  }
  if (layers.length === 0) return undefined;
  const key = layers.map(({ values, gram }) => [fingerprint(values), fingerprint(gram.values)]);
  return context.recall(
    `awq ${JSON.stringify([asked, key])}`,
    () => search(layers, channels, asked, context),
    (factors) => factors?.byteLength ?? 0,
  );
}

async function search(layers: readonly Seen[], channels: number, asked: Asked, context: Context): Promise<Float64Array | undefined> {
  const sizes = sizesOf(layers, channels);
  const peaks = floored(weightPeaks(layers, channels));
  const some = layers.map(sampled);
  const ranked: { readonly factors: Float64Array; readonly loss: number }[] = [];
  for (const power of POWERS) {
    for (const factors of [sizes.map((size) => size ** power), sizes.map((size, i) => size ** power / peaks[i]! ** (1 - power))])
      ranked.push({ factors, loss: await lossOf(some, factors, asked, context, alone) });
  }
  ranked.sort((a, b) => a.loss - b.loss);
  let best: Float64Array | undefined;
  let least = await lossOf(layers, new Float64Array(channels).fill(1), asked, context, together);
  for (const { factors } of ranked.slice(0, FINALISTS)) {
    const loss = await lossOf(layers, factors, asked, context, together);
    if (loss < least) [best, least] = [factors, loss];
  }
  return best;
}

/** Root of the mean square of each channel. */
function sizesOf(layers: readonly Seen[], channels: number): Float64Array {
  const sums = new Float64Array(channels);
  for (const layer of layers) {
    const { gram, columns } = layer;
    const diagonal = layer.channels.length === 0 ? new Float64Array() : diagonalOf(gram, columns);
    byChannel(diagonal, layer, channels, (sum, value) => sum + value).forEach((value, i) => {
      sums[i]! += value;
    });
  }
  return floored(sums.map(Math.sqrt));
}

function diagonalOf({ groups, values }: Gram, columns: number): Float64Array {
  return Float64Array.from({ length: groups * columns }, (_, i) => values[i * columns + (i % columns)]!);
}

function floored(values: Float64Array): Float64Array {
  const least = Math.max(...values) * LEAST_SHARE || 1;
  return values.map((value) => Math.max(value, least));
}

/** Some rows, evenly over all groups of inputs. */
function sampled(layer: Seen): Seen {
  const { rows, columns, groups, values } = layer;
  const [all, some] = [rows / groups, Math.ceil(Math.min(rows, TRIAL_ROWS) / groups)];
  const picked = new Float32Array(groups * some * columns);
  for (let row = 0; row < groups * some; row++) {
    const from = Math.floor(row / some) * all + Math.floor(((row % some) * all) / some);
    picked.set(values.subarray(from * columns, (from + 1) * columns), row * columns);
  }
  return { ...layer, values: picked, rows: groups * some };
}

/** What a row of a weight loses by errors `d`; its Gram matrix starts at `at`. */
type Form = (gram: Float64Array, at: number, d: Float64Array) => number;

/** How far outputs move when weights are rounded with these factors. */
async function lossOf(layers: readonly Seen[], factors: Float64Array, asked: Asked, context: Context, form: Form): Promise<number> {
  let sum = 0;
  for (const { gram, ...matrix } of layers) {
    context.signal?.throwIfAborted();
    const { values, rows, columns, groups, channels } = matrix;
    const by = Float32Array.from(channels, (id) => (id < 0 ? 1 : factors[id]!));
    const rounded = await roundedWith(by, matrix, asked, context);
    const off = new Float64Array(columns);
    for (let row = 0; row < rows; row++) {
      const [at, group] = [row * columns, Math.floor((row * groups) / rows)];
      for (let i = 0; i < columns; i++) off[i] = rounded[at + i]! / by[group * columns + i]! - values[at + i]!;
      sum += form(gram.values, group * columns * columns, off);
    }
  }
  return sum;
}

/** A matrix times the factors of its columns, rounded. */
function roundedWith(
  by: Float32Array,
  { values, rows, columns, groups }: ReadMatrix,
  { bits, block, symmetric, fit }: Asked,
  { kernels }: Context,
): Promise<Float32Array> {
  const scaled = new Float32Array(values.length);
  for (let row = 0, i = 0; row < rows; row++) {
    const start = Math.floor((row * groups) / rows) * columns;
    for (let column = 0; column < columns; column++, i++) scaled[i] = values[i]! * by[start + column]!;
  }
  const shared = block === 'row' ? columns : Math.min(block, columns);
  const spec: QuantizeSpec = { rows, columns, block: shared, bits, symmetric, fit, scale: 'f32' };
  return kernels.quantize(scaled, spec).then((codes) => kernels.dequantize(codes, spec));
}

/** dᵀ G d of a symmetric G. */
const together: Form = (gram, at, d) => {
  let sum = 0;
  for (let i = 0; i < d.length; i++) {
    const row = at + i * d.length;
    let inner = (gram[row + i]! * d[i]!) / 2;
    for (let j = i + 1; j < d.length; j++) inner += gram[row + j]! * d[j]!;
    sum += inner * d[i]!;
  }
  return 2 * sum;
};

/** The same as if inputs had nothing to do with each other: errors of rounding have not, as a rule. */
const alone: Form = (gram, at, d) => {
  let sum = 0;
  for (let i = 0; i < d.length; i++) sum += gram[at + i * (d.length + 1)]! * d[i]! ** 2;
  return sum;
};
