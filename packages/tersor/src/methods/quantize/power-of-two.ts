import { defineMethod } from '../../core/method.ts';
import { integer, oneOf } from '../../core/options.ts';
import { changeLayouts } from '../change-layouts.ts';
import { chooseVectors } from '../choose-vectors.ts';
import { reasonAgainst } from '../reason-against.ts';

const options = {
  terms: oneOf([1, 2], { default: 1, doc: 'Powers of two that a weight is a sum of: 4 bits for each.', search: [1, 2] }),
  minimum: integer(1, 2 ** 31, { default: 128, doc: 'Weights with fewer elements are left alone.' }),
};

/** Zero, seven powers of two with either sign, and the next smaller one. */
const TERMS = Float32Array.of(0, ...Array.from({ length: 7 }, (_, k) => [2 ** -k, -(2 ** -k)]).flat(), 2 ** -7);
/** Octaves of the largest value's that an output's largest power may be of. */
const OCTAVES = [1, 0, -1, -2];
/** From here on powers of two are no floats. */
const MOST_OCTAVE = 128;
/** Of two terms, which change one another. */
const ROUNDS = 2;

export default defineMethod({
  id: 'power-of-two',
  family: 'quantize',
  summary: 'Makes every weight a power of two or zero, or the sum of two, in 4 bits each. Needs no data.',
  notes: [
    'For hardware that shifts instead of multiplying, and for files: the scale of each output is a power of two as well, so that every weight is exactly what is said. The scale with the least squared',
    'error is taken.',
    '',
    'Runtimes for which files are written here have no shifts: they expand the weights to floats when they load the model. In as many bits, `rtn --bits 4` loses less: large weights are',
    'far apart on this grid, and small ones closer together than needed.',
  ].join('\n'),
  source: 'https://arxiv.org/abs/1909.13144',
  options,
  changes: 'layout',
  loss: 'data-dependent',
  formats: ['onnx'],
  async apply(model, { terms, minimum }, context) {
    const books = Float32Array.from(Array.from({ length: terms }, () => [...TERMS]).flat());
    const settled = { books, scaleOf: (row: Float32Array) => bestScale(row, terms) };
    return changeLayouts(model, context, (layer) => {
      const layout = { kind: 'codebook', outputs: layer.outputAxes, vector: 1, books: terms, entries: TERMS.length } as const;
      return (
        reasonAgainst(layer, layout, minimum) ?? {
          layout,
          load: (weight) => chooseVectors(weight, layout, { rounds: ROUNDS, settled }, context.kernels),
        }
      );
    }).model;
  },
});

/** The power of two that an output's terms are parts of. */
function bestScale(row: Float32Array, terms: number): number {
  const largest = row.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  if (largest === 0 || !Number.isFinite(largest)) return 0;
  const scales = OCTAVES.map((octave) => 2 ** Math.min(MOST_OCTAVE - terms, Math.floor(Math.log2(largest)) + octave));
  const errors = scales.map((scale) => row.reduce((sum, value) => sum + leftOf(value / scale, terms) ** 2, 0) * scale ** 2);
  return scales[errors.indexOf(Math.min(...errors))] ?? 0;
}

/** What is left of a value when it is replaced by the nearest term, and what is left by another one. */
function leftOf(value: number, terms: number): number {
  let left = value;
  for (let term = 0; term < terms; term++) {
    const nearest = TERMS.reduce((best, each) => (Math.abs(left - each) < Math.abs(left - best) ? each : best), 0);
    left -= nearest;
  }
  return left;
}
