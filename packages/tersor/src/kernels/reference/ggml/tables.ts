import { E2M1, NONLINEAR, TABLES } from '../../../core/blocks/tables.ts';
import { codeOf, eachBlock, extremeOf, NOTHING, putHalf, putNibbles } from './arithmetic.ts';

const { fround } = Math;

/** Source: quantize_iq4_nl */
export function quantizeIQ4_NL(values: Float32Array): Uint8Array {
  return eachBlock(values, TABLES.IQ4_NL, (block, out) => {
    const scale = fitNonlinear(block);
    putHalf(out, 0, scale);
    putNibbles(out, 2, codesOf(block, scale));
  });
}

/** Source: quantize_iq4_xs */
export function quantizeIQ4_XS(values: Float32Array): Uint8Array {
  return eachBlock(values, TABLES.IQ4_XS, (block, out) => {
    const parts = Array.from({ length: 8 }, (_, j) => block.subarray(j * 32, (j + 1) * 32));
    const scales = Float32Array.from(parts, fitNonlinear);
    const d = fround(-extremeOf(scales) / 32);
    putHalf(out, 0, d);
    const inverse = d === 0 ? 0 : fround(1 / d);
    parts.forEach((part, j) => {
      const scale = codeOf(fround(inverse * scales[j]!), -32, 31);
      out[4 + (j >> 1)]! |= ((scale + 32) & 15) << ((j & 1) * 4);
      out[2 + (j >> 2)]! |= ((scale + 32) >> 4) << ((j & 3) * 2);
      // as in ggml, with the scale before it became a half
      putNibbles(out, 8 + j * 16, codesOf(part, fround(d * scale)));
    });
  });
}

/** The scale is the power of two below the largest magnitude, so that this becomes at least 4 of 6. Source: quantize_row_mxfp4_ref */
export function quantizeMXFP4(values: Float32Array): Uint8Array {
  return eachBlock(values, TABLES.MXFP4, (block, out) => {
    const peak = Math.abs(extremeOf(block));
    const exponent = peak > 0 ? Math.max(0, Math.floor(fround(Math.log2(peak))) - 2 + 127) : 0;
    out[0] = exponent;
    const scale = 2 ** (exponent - 128);
    putNibbles(
      out,
      1,
      Array.from(block, (value) => closest(value, scale)),
    );
  });
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

/** ggml's search for the scale of one part: 16 steps, of which that wins whose codes explain most, by weights that are the squares of the values. */
function fitNonlinear(values: Float32Array): number {
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
      const weighted = fround(fround(x * x) * q);
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
