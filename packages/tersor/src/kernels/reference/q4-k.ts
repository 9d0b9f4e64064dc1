import { halfBits, halfValue } from '../../core/half.ts';
import { nearest } from './grid.ts';

const { fround } = Math;
const SUPER = 256;
const BYTES = 144;

/**
 * GGUF's Q4_K: 256 values in 144 bytes, eight sub-blocks of 32 with a 6-bit scale and a 6-bit minimum each, searched in 21 steps with
 * weights that favour large values. Byte for byte ggml's reference quantizer without an importance matrix.
 * Source: quantize_row_q4_K_ref, https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-quants.c
 */
export function quantizeQ4_K(values: Float32Array): Uint8Array {
  const bytes = new Uint8Array((values.length / SUPER) * BYTES);
  for (let block = 0; block < values.length / SUPER; block++) {
    encodeSuperBlock(values.subarray(block * SUPER, (block + 1) * SUPER), bytes.subarray(block * BYTES, (block + 1) * BYTES));
  }
  return bytes;
}

function encodeSuperBlock(values: Float32Array, out: Uint8Array): void {
  const parts = Array.from({ length: 8 }, (_, j) => values.subarray(j * 32, (j + 1) * 32));
  const fits = parts.map(search);
  const maxScale = fits.reduce((most, { scale }) => Math.max(most, scale), 0);
  const maxMin = fits.reduce((most, { minimum }) => Math.max(most, minimum), 0);
  const view = new DataView(out.buffer, out.byteOffset, BYTES);
  view.setUint16(0, halfBits(fround(maxScale / 63)), true);
  view.setUint16(2, halfBits(fround(maxMin / 63)), true);
  const d = halfValue(view.getUint16(0, true));
  const m = halfValue(view.getUint16(2, true));
  parts.forEach((part, j) => {
    const fit = fits[j]!;
    const scale = sixBits(fit.scale, maxScale);
    const minimum = sixBits(fit.minimum, maxMin);
    putScale(out.subarray(4, 16), j, scale, minimum);
    const codes = d * scale === 0 ? fit.codes : codesOf(part, fround(d * scale), fround(m * minimum));
    codes.forEach((code, i) => {
      out[16 + (j >> 1) * 32 + i]! |= code << ((j & 1) * 4);
    });
  });
}

function sixBits(value: number, largest: number): number {
  const inverse = largest > 0 ? fround(63 / largest) : 0;
  return Math.min(63, nearestInt(fround(inverse * value)) & 255);
}

/** Six bits each for scale and minimum of sub-block j, in ggml's arrangement of 12 bytes. */
function putScale(out: Uint8Array, j: number, scale: number, minimum: number): void {
  if (j < 4) {
    out[j] = scale;
    out[j + 4] = minimum;
    return;
  }
  out[j + 4] = (scale & 15) | ((minimum & 15) << 4);
  out[j - 4]! |= (scale >> 4) << 6;
  out[j]! |= (minimum >> 4) << 6;
}

function codesOf(values: Float32Array, scale: number, minimum: number): Uint8Array {
  return Uint8Array.from(values, (value) => Math.min(15, Math.max(0, nearestInt(fround(fround(value + minimum) / scale)))));
}

const FLOAT = new Float32Array(1);
const BITS = new Uint32Array(FLOAT.buffer);

/** ggml's nearest_int, which wraps beyond 2^22. */
function nearestInt(value: number): number {
  FLOAT[0] = value + 12582912;
  return (BITS[0]! & 0x7fffff) - 0x400000;
}

interface SubBlock {
  readonly scale: number;
  /** What is subtracted from every value; never negative. */
  readonly minimum: number;
  /** They matter only where the scale of the sub-block rounds to zero. */
  readonly codes: Uint8Array;
}

/** ggml's make_qkx2_quants: 21 slightly different steps, each refitted by weighted least squares, the one of least weighted error wins. */
function search(values: Float32Array): SubBlock {
  const average = fround(Math.sqrt(fround(sum(values, (x) => fround(x * x)) / 32)));
  const weights = values.map((x) => average + Math.abs(x));
  const sumW = sum(values, (_, i) => weights[i]!);
  const sumX = sum(values, (x, i) => fround(weights[i]! * x));
  const low = values.reduce((least, x) => Math.min(least, x), 0);
  const high = values.reduce((most, x) => Math.max(most, x));
  if (high === low) return { scale: 0, minimum: -low, codes: new Uint8Array(32) };

  const codesFor = (inverse: number, from: number) =>
    Uint8Array.from(values, (x) => Math.min(15, Math.max(0, nearest(fround(inverse * fround(x - from))))));
  const errorOf = (codes: Uint8Array, scale: number, minimum: number) =>
    sum(values, (x, i) => {
      const diff = fround(fround(fround(scale * codes[i]!) + minimum) - x);
      return fround(weights[i]! * fround(diff * diff));
    });

  const inverse = fround(15 / fround(high - low));
  let best = { scale: fround(1 / inverse), minimum: low, codes: codesFor(inverse, low) };
  let least = errorOf(best.codes, best.scale, low);
  for (let step = 0; step <= 20; step++) {
    // Every step starts from the minimum that won so far.
    const steps = fround(fround(-1 + fround(fround(0.1) * step)) + 15);
    const codes = codesFor(fround(steps / fround(high - best.minimum)), best.minimum);
    const fit = leastSquares(values, weights, codes, sumW, sumX);
    if (!fit) continue;
    const error = errorOf(codes, fit.scale, fit.minimum);
    if (error < least) {
      least = error;
      best = { ...fit, codes };
    }
  }
  return { ...best, minimum: -best.minimum };
}

/** Scale and (never positive) minimum for given codes. */
function leastSquares(values: Float32Array, weights: Float32Array, codes: Uint8Array, sumW: number, sumX: number) {
  const weighted = weights.map((w, i) => w * codes[i]!);
  const sumL = sum(values, (_, i) => weighted[i]!);
  const sumLL = sum(values, (_, i) => fround(weighted[i]! * codes[i]!));
  const sumXL = sum(values, (x, i) => fround(weighted[i]! * x));
  const determinant = fround(fround(sumW * sumLL) - fround(sumL * sumL));
  if (!(determinant > 0)) return undefined;
  const minimum = fround(fround(fround(sumLL * sumX) - fround(sumL * sumXL)) / determinant);
  if (minimum > 0) return { scale: fround(sumXL / sumLL), minimum: 0 };
  return { scale: fround(fround(fround(sumW * sumXL) - fround(sumX * sumL)) / determinant), minimum };
}

/** In f32 and in order. */
function sum(values: Float32Array, term: (x: number, i: number) => number): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total = fround(total + term(values[i]!, i));
  return total;
}
