import type { Predictor } from './predictor.ts';
import { differenceOf, squareOf } from './squares.ts';

export const weightError: Predictor = {
  id: 'weight-error',
  summary: "Squared error of the weight, as a share of its own square: |W - W'|² / |W|².",
  source: 'https://arxiv.org/abs/2004.09602',
  async open({ values }) {
    const whole = squareOf(values);
    return whole > 0 ? async (changed) => differenceOf(values, changed.values) / whole : undefined;
  },
};
