import { codeOf, extremeOf, NOTHING, nearestInt } from './arithmetic.ts';

const { fround } = Math;

/** A run of values as `scale * (code - half)`, with codes from 0 to 2 * half - 1. */
export interface AroundZero {
  readonly scale: number;
  readonly codes: Uint8Array;
}

/** Tenths of a level. */
const SHIFTS = [0, -9, -8, -7, -6, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 6, 7, 8, 9];

/**
 * ggml's make_qx_quants: 19 slightly different steps, of which that wins whose codes explain most of the weighted values. Sums are 32-bit floats, in order.
 * Source: https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-quants.c
 */
export function fitAroundZero(values: Float32Array, weights: Float32Array, half: number): AroundZero {
  const extreme = extremeOf(values);
  if (Math.abs(extreme) < NOTHING) return { scale: 0, codes: new Uint8Array(values.length) };
  let [scale, best] = [0, 0];
  let codes = new Uint8Array(values.length);
  for (const shift of SHIFTS) {
    const inverse = fround(-fround(half + fround(fround(0.1) * shift)) / extreme);
    let [sumLX, sumLL] = [0, 0];
    const tried = new Uint8Array(values.length);
    for (let i = 0; i < values.length; i++) {
      const [x, weight] = [values[i]!, weights[i]!];
      const code = codeOf(fround(inverse * x), -half, half - 1);
      tried[i] = code + half;
      sumLX = fround(sumLX + fround(fround(weight * x) * code));
      sumLL = fround(sumLL + fround(fround(weight * code) * code));
    }
    const isFirst = shift === 0;
    if (!isFirst && !(sumLL > 0 && fround(sumLX * sumLX) > fround(best * sumLL))) continue;
    scale = sumLL === 0 ? 0 : fround(sumLX / sumLL);
    best = fround(scale * sumLX);
    codes = tried;
  }
  return { scale, codes };
}

/** ggml's make_q3_quants: one code after the other is moved to where the others want it, at most five times; squares are the weights. */
export function fitByTurns(values: Float32Array): AroundZero {
  const half = 4;
  const extreme = extremeOf(values);
  if (Math.abs(extreme) < NOTHING) return { scale: 0, codes: new Uint8Array(values.length) };
  const inverse = fround(-half / extreme);
  const codes = Int8Array.from(values, (x) => codeOf(fround(inverse * x), -half, half - 1));
  const sums = turn(
    values,
    values.map((x) => x * x),
    codes,
    (value) => codeOf(value, -half, half - 1),
  );
  return { scale: sums.ll > 0 ? fround(sums.lx / sums.ll) : 0, codes: Uint8Array.from(codes, (code) => code + half) };
}

/** ggml's make_qp_quants for numbers that are not negative: nine steps, of which that of least weighted error wins, and then as `fitByTurns`. Codes go from 0 to `most`. */
export function fitScales(values: Float32Array, weights: Float32Array, most: number): AroundZero {
  let largest = 0;
  for (const value of values) largest = Math.max(largest, value);
  const codes = new Uint8Array(values.length);
  if (largest < NOTHING) return { scale: 0, codes };
  let best = fround(most / largest);
  let least = Number.POSITIVE_INFINITY;
  for (const shift of [0, -4, -3, -2, -1, 1, 2, 3, 4]) {
    const inverse = shift === 0 ? best : fround(fround(fround(fround(0.1) * shift) + most) / largest);
    const scale = fround(1 / inverse);
    let error = 0;
    for (let i = 0; i < values.length; i++) {
      const code = Math.min(most, nearestInt(fround(inverse * values[i]!)));
      const difference = fround(values[i]! - fround(scale * code));
      error = fround(error + fround(fround(weights[i]! * difference) * difference));
    }
    if (error < least) [best, least] = [inverse, error];
  }
  values.forEach((value, i) => {
    codes[i] = Math.min(most, nearestInt(fround(best * value)));
  });
  const sums = turn(values, weights, codes, (value) => Math.min(most, nearestInt(value)), true);
  return { scale: sums.ll > 0 ? fround(sums.lx / sums.ll) : 0, codes };
}

/** Moves codes one after the other, at most five times, as long as they explain more. Returns the sums that the scale follows from. */
function turn(
  values: Float32Array,
  weights: Float32Array,
  codes: Int8Array | Uint8Array,
  round: (value: number) => number,
  needsSquares = false,
): { readonly lx: number; readonly ll: number } {
  const crossOf = (i: number, code: number) => fround(fround(weights[i]! * values[i]!) * code);
  const squareOf = (i: number, code: number) => fround(fround(weights[i]! * code) * code);
  let [sumLX, sumLL] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    sumLX = fround(sumLX + crossOf(i, codes[i]!));
    sumLL = fround(sumLL + squareOf(i, codes[i]!));
  }
  for (let pass = 0, changed = true; pass < 5 && changed; pass++) {
    changed = false;
    for (let i = 0; i < values.length; i++) {
      const others = fround(sumLX - crossOf(i, codes[i]!));
      const squares = fround(sumLL - squareOf(i, codes[i]!));
      if (!(others > 0 && (squares > 0 || !needsSquares))) continue;
      const code = round(fround(fround(values[i]! * squares) / others));
      if (code === codes[i]) continue;
      const [lx, ll] = [fround(others + crossOf(i, code)), fround(squares + squareOf(i, code))];
      if (!(ll > 0 && fround(fround(lx * lx) * sumLL) > fround(fround(sumLX * sumLX) * ll))) continue;
      codes[i] = code;
      [sumLX, sumLL, changed] = [lx, ll, true];
    }
  }
  return { lx: sumLX, ll: sumLL };
}
