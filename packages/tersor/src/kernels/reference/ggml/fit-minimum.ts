import { nearestInt } from './arithmetic.ts';

const { fround } = Math;

/** A run of values as `scale * code - minimum`. */
export interface WithMinimum {
  readonly scale: number;
  /** What is subtracted from every value; never negative. */
  readonly minimum: number;
  /** Where a scale is stored with few bits, they matter only where it rounds to zero. */
  readonly codes: Uint8Array;
}

export interface Tries {
  /** Codes go from 0 to this. */
  readonly most: number;
  /** How many more levels than `most` the first try spreads the range over, and each further one. */
  readonly first: number;
  readonly step: number;
  readonly count: number;
  readonly error: 'squared' | 'absolute';
}

/** ggml's tries where importances are known, for codes from 0 to `most`. */
export function weightedTries(most: number): Tries {
  return { most, first: -0.9, step: 0.05, count: 36, error: 'squared' };
}

/**
 * ggml's make_qkx2_quants and make_qkx3_quants: slightly different steps, each refitted by weighted least squares; the one of least weighted error wins. Sums are 32-bit
 * floats, in order.
 * Source: https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-quants.c
 */
export function fitMinimum(values: Float32Array, weights: Float32Array, { most, first, step, count, error }: Tries): WithMinimum {
  let [low, high, sumW, sumX] = [0, values[0]!, 0, 0];
  for (let i = 0; i < values.length; i++) {
    const [x, w] = [values[i]!, weights[i]!];
    if (x < low) low = x;
    if (x > high) high = x;
    sumW = fround(sumW + w);
    sumX = fround(sumX + fround(w * x));
  }
  if (high === low) return { scale: 0, minimum: -low, codes: new Uint8Array(values.length) };

  const codesFor = (inverse: number, from: number) => {
    const codes = new Uint8Array(values.length);
    for (let i = 0; i < codes.length; i++) codes[i] = nearestInt(Math.min(most, Math.max(0, fround(inverse * fround(values[i]! - from)))));
    return codes;
  };
  const errorOf = (codes: Uint8Array, scale: number, minimum: number) => {
    let total = 0;
    for (let i = 0; i < values.length; i++) {
      const difference = fround(fround(fround(scale * codes[i]!) + minimum) - values[i]!);
      total = fround(total + fround(weights[i]! * (error === 'absolute' ? Math.abs(difference) : fround(difference * difference))));
    }
    return total;
  };

  const inverse = fround(most / fround(high - low));
  let best = { scale: fround(1 / inverse), minimum: low, codes: codesFor(inverse, low) };
  let least = errorOf(best.codes, best.scale, low);
  for (let i = 0; i <= count; i++) {
    // Every try starts from the minimum that won so far.
    const levels = fround(fround(fround(first) + fround(fround(step) * i)) + most);
    const codes = codesFor(fround(levels / fround(high - best.minimum)), best.minimum);
    const fit = leastSquares(values, weights, codes, sumW, sumX);
    if (!fit) continue;
    const found = errorOf(codes, fit.scale, fit.minimum);
    if (found < least) {
      least = found;
      best = { ...fit, codes };
    }
  }
  return { ...best, minimum: -best.minimum };
}

/** Scale and (never positive) minimum for given codes. */
function leastSquares(values: Float32Array, weights: Float32Array, codes: Uint8Array, sumW: number, sumX: number) {
  let [sumL, sumLL, sumXL] = [0, 0, 0];
  for (let i = 0; i < values.length; i++) {
    const weighted = fround(weights[i]! * codes[i]!);
    sumL = fround(sumL + weighted);
    sumLL = fround(sumLL + fround(weighted * codes[i]!));
    sumXL = fround(sumXL + fround(weighted * values[i]!));
  }
  const determinant = fround(fround(sumW * sumLL) - fround(sumL * sumL));
  if (!(determinant > 0)) return undefined;
  const minimum = fround(fround(fround(sumLL * sumX) - fround(sumL * sumXL)) / determinant);
  if (minimum > 0) return { scale: fround(sumXL / sumLL), minimum: 0 };
  return { scale: fround(fround(fround(sumW * sumXL) - fround(sumX * sumL)) / determinant), minimum };
}
