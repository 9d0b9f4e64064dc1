import type { Predictor } from './predictor.ts';
import { squareOf } from './squares.ts';

/** Of the histogram that the entropy is taken from, over the range of the weights. */
const BINS = 1024;

/**
 * The least relative error that any code of as many bits could have: Shannon's lower bound, 2^(2 (h - bits)) / (2 π e), for values of the weight's
 * own distribution, whose differential entropy h is that of a histogram.
 */
export const entropyBound: Predictor = {
  id: 'entropy-bound',
  summary: "The least relative error that any code of so many bits could have for values like these: Shannon's lower bound.",
  source: 'Shannon 1959, Coding theorems for a discrete source with a fidelity criterion',
  async open({ values }) {
    let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const value of values) {
      least = Math.min(least, value);
      most = Math.max(most, value);
    }
    const width = (most - least) / BINS;
    const meanSquare = squareOf(values) / values.length;
    if (!(width > 0) || !Number.isFinite(width)) return undefined;
    const counts = new Float64Array(BINS);
    for (const value of values) counts[Math.min(BINS - 1, Math.floor((value - least) / width))]!++;
    let entropy = Math.log2(width);
    for (const count of counts) if (count > 0) entropy -= (count / values.length) * Math.log2(count / values.length);
    return async ({ bits }) => 4 ** (entropy - bits) / (2 * Math.PI * Math.E * meanSquare);
  },
};
