import type { Predictor } from './predictor.ts';

export const outputError: Predictor = {
  id: 'output-error',
  summary:
    "Squared error of the layer's own outputs on the data, as a share of their square: tr(dW G dWᵀ) / tr(W G Wᵀ), G the Gram matrix of its inputs.",
  source: 'https://arxiv.org/abs/2004.10568',
  async open({ values, weigh }) {
    const whole = (await weigh?.(values)) ?? 0;
    if (!weigh || whole <= 0) return undefined;
    return async (changed) => {
      const difference = values.map((value, i) => value - changed.values[i]!);
      return Math.max(0, await weigh(difference)) / whole;
    };
  },
};
