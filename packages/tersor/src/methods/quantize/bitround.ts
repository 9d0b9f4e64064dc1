import { decode } from '../../core/decode.ts';
import { elementsOf } from '../../core/dtype.ts';
import { findLayers } from '../../core/find-layers.ts';
import { defineMethod } from '../../core/method.ts';
import { mapWeights, type Weight } from '../../core/model.ts';
import { integer } from '../../core/options.ts';
import type { DenseTensor } from '../../core/tensor.ts';

/** Of a 32-bit float. */
const FRACTION_BITS = 23;

export default defineMethod({
  id: 'bitround',
  family: 'quantize',
  summary: 'Rounds biases, scales and other small floats to few bits of their fractions: for files that are packed.',
  notes: [
    'What no layer multiplies by stays a 32-bit float, with zeros at its end that the entropy coder makes nothing of: 12 bits or so are left of 32. Of small networks, biases are a tenth',
    'of the download otherwise. Rounding is relative, at most `2^-(bits + 1)` of a value. Weights of layers are left to other methods, and so are constants of a few elements, which may be shapes or limits.',
  ].join('\n'),
  source: 'https://doi.org/10.1038/s43588-021-00156-2',
  options: {
    bits: integer(1, 22, { default: 8, doc: 'Bits that are left of the 23 of a fraction.' }),
    minimum: integer(1, 2 ** 31, { default: 16, doc: 'Weights with fewer elements are left alone.' }),
  },
  changes: 'graph',
  loss: 'bounded',
  formats: ['onnx'],
  async apply(model, { bits, minimum }) {
    const layers = new Set((await findLayers(model)).map(({ weight }) => weight.id));
    return mapWeights(model, (weight) => {
      if (layers.has(weight.id) || weight.dtype !== 'f32' || weight.layout.kind !== 'dense' || weight.layout.dtype !== 'f32')
        return undefined;
      return elementsOf(weight.shape) < minimum ? undefined : { ...weight, load: () => rounded(weight, bits) };
    });
  },
});

/** To the nearest, and of two to the one whose last bit is 0. What is infinite, no number, or would become infinite stays as it is. */
async function rounded({ load, shape }: Weight, bits: number): Promise<DenseTensor> {
  const values = Float32Array.from(decode(await load()));
  const words = new Uint32Array(values.buffer);
  const less = FRACTION_BITS - bits;
  for (const [i, word] of words.entries()) {
    const up = word + 2 ** (less - 1) - 1 + ((word >>> less) & 1);
    const next = up - (up % 2 ** less);
    if (((next >>> FRACTION_BITS) & 0xff) < 0xff && ((word >>> FRACTION_BITS) & 0xff) < 0xff) words[i] = next;
  }
  return { kind: 'dense', shape, dtype: 'f32', bytes: new Uint8Array(values.buffer) };
}
