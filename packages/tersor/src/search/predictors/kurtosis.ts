import type { Predictor } from './predictor.ts';

export const kurtosis: Predictor = {
  id: 'kurtosis',
  summary: 'Kurtosis of the weight: outliers stretch the steps that all others are rounded to. The same for every step.',
  source: 'https://arxiv.org/abs/2002.07686',
  async open({ values }) {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    let [second, fourth] = [0, 0];
    for (let i = 0; i < values.length; i++) {
      const square = (values[i]! - mean) ** 2;
      second += square;
      fourth += square * square;
    }
    if (second === 0) return undefined;
    const result = (fourth * values.length) / (second * second);
    return async () => result;
  },
};
