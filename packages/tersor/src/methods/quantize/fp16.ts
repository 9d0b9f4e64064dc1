import { elementsOf } from '../../core/dtype.ts';
import { TersorError } from '../../core/error.ts';
import { findLayers } from '../../core/find-layers.ts';
import { bytesOf } from '../../core/layout.ts';
import { type Context, defineMethod } from '../../core/method.ts';
import { type Model, mapWeights, type Weight } from '../../core/model.ts';
import { boolean, names, oneOf, type Values } from '../../core/options.ts';
import { halfPrecision } from '../../core/precision/half-precision.ts';
import { narrow } from '../../core/precision/narrow.ts';
import { overflows, rangeOf } from '../../core/precision/ranges.ts';

/** Weights with fewer elements save less than the Cast costs that restores them. */
const LEAST_ELEMENTS = 128;

/** Cast knows bfloat16 from here on. */
const BF16_OPSET = 13;

const options = {
  compute: oneOf(['half', 'float'], {
    default: 'half',
    doc: 'half: the graph computes with 16-bit floats, as WebGPU wants it; float: only the file is smaller, runtimes compute as before.',
  }),
  type: oneOf(['f16', 'bf16'], {
    default: 'f16',
    doc: 'bf16 keeps the range of 32-bit floats and fewer digits; it can only be stored (compute float).',
  }),
  keepIo: boolean({ default: true, doc: 'Inputs and outputs of the model stay 32-bit floats.' }),
  floor: boolean({
    default: false,
    doc: 'Values too small for a half become the smallest half instead of zero. Single numbers (epsilons) always do.',
  }),
  keep: names({ default: [], doc: 'Operators (Softmax) and nodes, by name or first output, that go on computing with 32-bit floats.' }),
};

export default defineMethod({
  id: 'fp16',
  family: 'quantize',
  summary: 'Halves the file with 16-bit floats. Needs no data.',
  notes: [
    'With `--compute float` the weights are stored as halves and expanded when the model is loaded: half the bytes, and the speed and arithmetic of',
    'the original. With `--compute half` the graph itself computes with halves: what WebGPU and transformers.js expect of a file named `fp16`.',
    '',
    'Constants beyond 65504 keep their operators in 32-bit floats; masks (-1e9, -3.4e38) become -65504. Operators whose sums, squares, coordinates or',
    'random numbers a half cannot carry, values that go around in a Loop, positions, and epsilons are taken care of. Activations beyond 65504 cannot',
    'be seen without data: compare, and `keep` what breaks.',
    '',
    'Every weight is read once while planning, one at a time, since one value too large decides how the graph looks.',
  ].join('\n'),
  source: 'https://standards.ieee.org/ieee/754/6210/',
  options,
  changes: 'graph',
  streams: true,
  loss: 'bounded',
  async apply(model, asked, context) {
    if (asked.compute === 'float' || !model.graph) return storeNarrow(model, asked, context);
    if (asked.type === 'bf16') {
      throw new TersorError(
        'OPTION_VALUE',
        'fp16',
        'type bf16 with compute half: runtimes compute bf16 in few operators',
        'use compute float',
      );
    }
    const stored = new Set(context.scope.map(({ weight }) => weight.id));
    const outside = (await findLayers(model)).map(({ weight }) => weight.id).filter((id) => !stored.has(id));
    return halfPrecision(model, { ...asked, untouched: new Set(outside), stored }, context);
  },
});

/** Weights stored in 16 bits that compute as before. When every layer is selected, so are the weights that are no layer's. */
async function storeNarrow(
  model: Model,
  { type, floor }: Values<typeof options>,
  { scope, kernels, signal, note, progress }: Context,
): Promise<Model> {
  const opset = model.graph && (model.graph.opsets.get('') ?? 0);
  if (type === 'bf16' && opset !== undefined && opset < BF16_OPSET) {
    throw new TersorError(
      'OPTION_VALUE',
      'fp16',
      `type bf16: opset ${opset} does not know it`,
      `upgrade-opset to ${BF16_OPSET} first, or store f16`,
    );
  }
  const selected = new Set(scope.map(({ weight }) => weight.id));
  const layers = new Set((await findLayers(model)).map(({ weight }) => weight.id));
  const takesAll = [...layers].every((id) => selected.has(id));
  const candidates = [...model.weights.values()].filter(({ id, dtype, shape, layout }) => {
    const isSelected = selected.has(id) || (takesAll && !layers.has(id));
    if (!isSelected || dtype !== 'f32' || elementsOf(shape) < LEAST_ELEMENTS) return false;
    return layout.kind === 'dense' && layout.dtype === 'f32';
  });
  const total = candidates.reduce((sum, weight) => sum + bytesOf(weight), 0);
  const narrowed = new Map<string, Weight>();
  let [vanishing, done] = [0, 0];
  for (const weight of candidates) {
    signal?.throwIfAborted();
    progress?.(done, total, weight.id);
    done += bytesOf(weight);
    const range = await rangeOf(weight, kernels, type);
    if (overflows(range, type)) {
      note(weight.id, `stays f32: holds values from ${range.min} to ${range.max}, too large for ${type}`);
      continue;
    }
    vanishing += range.vanishing;
    narrowed.set(weight.id, narrow(weight, kernels, { type, dtype: 'f32', floor, clamp: false }));
  }
  if (vanishing > 0 && !floor) note('fp16', `${vanishing} values are too small for ${type} and become zero`);
  return mapWeights(model, ({ id }) => narrowed.get(id));
}
