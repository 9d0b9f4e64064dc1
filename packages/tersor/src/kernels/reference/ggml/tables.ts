import { E2M1, NONLINEAR, TABLES } from '../../../core/blocks/tables.ts';
import type { BlockRounding } from '../../../core/kernels.ts';
import { codeOf, eachBlock, extremeOf, NOTHING, partsOf, putHalf, putNibbles } from './arithmetic.ts';
import { bestScale, CUTS } from './best-scale.ts';
import { asHalf, passesFor, refineAroundZero } from './refine.ts';
import { importanceOf, meanSquare, towardsLarge } from './weights.ts';

const { fround } = Math;

/** Source: quantize_iq4_nl */
export function quantizeIQ4_NL(values: Float32Array, { search, importance }: BlockRounding = {}): Uint8Array {
  return eachBlock(values, TABLES.IQ4_NL, importance, (block, out, counts) => {
    const found = fitNonlinear(block, weightsOf(block, counts));
    const part = { values: block, weights: importanceOf(block, counts) };
    const { best: scale, written } =
      search === 'best' ? bestScale([part], extremeOf(block), asHalf(found), nonlinear, ENDS, CUTS[4]) : { best: found, written: found };
    putHalf(out, 0, written);
    putNibbles(out, 2, codesOf(block, scale));
  });
}

/** Source: quantize_iq4_xs */
export function quantizeIQ4_XS(values: Float32Array, { search, importance }: BlockRounding = {}): Uint8Array {
  return eachBlock(values, TABLES.IQ4_XS, importance, (block, out, counts) => {
    const parts = partsOf(block, 32);
    const weights = partsOf(weightsOf(block, counts), 32);
    const fits = Float32Array.from(parts, (part, j) => fitNonlinear(part, weights[j]!));
    const first = fround(-extremeOf(fits) / 32);
    const inverse = first === 0 ? 0 : fround(1 / first);
    const found = { d: first, scales: Array.from(fits, (fit) => codeOf(fround(inverse * fit), -32, 31)) };
    const start = { ...found, d: asHalf(first) };
    const { d, scales, written } =
      search === 'best' && start.d !== 0 && Number.isFinite(start.d)
        ? refineAroundZero(parts, importanceOf(block, counts), start, nonlinear, 32, passesFor(counts), 1)
        : { ...found, written: found };
    putHalf(out, 0, written.d);
    parts.forEach((part, j) => {
      const scale = scales[j]!;
      out[4 + (j >> 1)]! |= ((scale + 32) & 15) << ((j & 1) * 4);
      out[2 + (j >> 2)]! |= ((scale + 32) >> 4) << ((j & 3) * 2);
      // ggml's are with the scale before it became a half
      putNibbles(out, 8 + j * 16, codesOf(part, fround(d * scale)));
    });
  });
}

/** The scale is the power of two below the largest magnitude, so that this becomes at least 4 of 6, or a better one beside it. Source: quantize_row_mxfp4_ref */
export function quantizeMXFP4(values: Float32Array, { search, importance }: BlockRounding = {}): Uint8Array {
  return eachBlock(values, TABLES.MXFP4, importance, (block, out, counts) => {
    const peak = Math.abs(extremeOf(block));
    const first = peak > 0 ? Math.max(0, Math.floor(fround(Math.log2(peak))) - 2 + 127) : 0;
    const weights = importanceOf(block, counts);
    const codesFor = (exponent: number) => Array.from(block, (value) => closest(value, 2 ** (exponent - 128)));
    const errorOf = (exponent: number) => {
      const lanes = [0, 0, 0, 0];
      codesFor(exponent).forEach((code, i) => {
        const difference = fround(fround(2 ** (exponent - 128) * E2M1[code]!) - block[i]!);
        lanes[i % 4] = fround(lanes[i % 4]! + fround(weights[i]! * fround(difference * difference)));
      });
      return lanes.reduce((sum, lane) => fround(sum + lane));
    };
    const others = search === 'best' ? [first - 1, first + 1].filter((exponent) => exponent >= 0 && exponent < 255) : [];
    const exponent = others.reduce((best, other) => (errorOf(other) < errorOf(best) ? other : best), first);
    out[0] = exponent;
    putNibbles(out, 1, codesFor(exponent));
  });
}

/** Lowest and highest of the sixteen. */
const ENDS = [NONLINEAR[0], NONLINEAR[15]] as const;

function nonlinear(value: number): number {
  return NONLINEAR[nonlinearCode(value)]!;
}

/** ggml's: squares, unless importances are known. */
function weightsOf(block: Float32Array, importance: Float32Array | undefined): Float32Array {
  return importance ? towardsLarge(block, importance, meanSquare(block, 2)) : block.map((x) => x * x);
}

/** The first of the nearest. */
function closest(value: number, scale: number): number {
  let [best, least] = [0, Number.POSITIVE_INFINITY];
  for (let code = 0; code < E2M1.length; code++) {
    const error = Math.abs(fround(scale * E2M1[code]! - value));
    if (error < least) [best, least] = [code, error];
  }
  return best;
}

/** ggml's search for the scale of one part: 16 steps, of which that wins whose codes explain most of the weighted values. */
function fitNonlinear(values: Float32Array, weights: Float32Array): number {
  const extreme = extremeOf(values);
  if (Math.abs(extreme) < NOTHING) return 0;
  const [first] = NONLINEAR;
  let [scale, best] = [0, 0];
  for (let shift = -8; shift <= 7; shift++) {
    const isFirst = shift === -8;
    const inverse = isFirst ? fround(1 / fround(-extreme / first)) : fround((shift + first) / extreme);
    let [sumQX, sumQQ] = [0, 0];
    for (let i = 0; i < values.length; i++) {
      const x = values[i]!;
      const q = NONLINEAR[nonlinearCode(fround(inverse * x))]!;
      const weighted = fround(weights[i]! * q);
      sumQX = fround(sumQX + fround(weighted * x));
      sumQQ = fround(sumQQ + fround(weighted * q));
    }
    if (!isFirst && !(sumQQ > 0 && fround(sumQX * sumQX) > fround(best * sumQQ))) continue;
    scale = sumQQ > 0 ? fround(sumQX / sumQQ) : 0;
    best = fround(scale * sumQX);
  }
  return scale;
}

function codesOf(values: Float32Array, scale: number): Uint8Array {
  const inverse = scale === 0 ? 0 : fround(1 / scale);
  return Uint8Array.from(values, (value) => nonlinearCode(fround(inverse * value)));
}

/** The nearest of the sixteen; of two as near, the higher. */
function nonlinearCode(value: number): number {
  const last = NONLINEAR.length - 1;
  if (value <= NONLINEAR[0]) return 0;
  if (value >= NONLINEAR[last]!) return last;
  let [low, high] = [0, last];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (value < NONLINEAR[middle]!) high = middle;
    else low = middle;
  }
  return fround(value - NONLINEAR[low]!) < fround(NONLINEAR[high]! - value) ? low : high;
}
