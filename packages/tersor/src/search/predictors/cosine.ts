import type { Predictor } from './predictor.ts';
import { squareOf } from './squares.ts';

export const cosine: Predictor = {
  id: 'cosine',
  summary: "How far the weight's direction turns: 1 - cosine of W and W'. Blind to a change of its length.",
  source: 'https://arxiv.org/abs/2006.16669',
  async open({ values }) {
    const whole = squareOf(values);
    if (whole === 0) return undefined;
    return async (changed) => {
      let dot = 0;
      for (let i = 0; i < values.length; i++) dot += values[i]! * changed.values[i]!;
      const length = squareOf(changed.values);
      return length === 0 ? 1 : 1 - dot / Math.sqrt(whole * length);
    };
  },
};
