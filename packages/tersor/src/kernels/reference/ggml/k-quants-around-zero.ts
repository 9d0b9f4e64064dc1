import { K_QUANTS } from '../../../core/blocks/k-quants.ts';
import { toHalfPrecision } from '../../../core/half.ts';
import type { BlockSearch } from '../../../core/kernels.ts';
import { codeOf, eachBlock, extremeOf, NOTHING, nearestInt, putHalf, putTwoBits } from './arithmetic.ts';
import { refineAroundZero } from './refine.ts';

const { fround } = Math;

/** A run of values as `scale * (code - half)`, with codes from 0 to 2 * half - 1. */
interface AroundZero {
  readonly scale: number;
  readonly codes: Uint8Array;
}

/** Sixteen parts of 16 with scales of 6 bits. Source: quantize_row_q3_K_ref */
export function quantizeQ3_K(values: Float32Array, search: BlockSearch = 'reference'): Uint8Array {
  return eachBlock(values, K_QUANTS.Q3_K, (block, out) => {
    const fits = partsOf(block).map(fitByTurns);
    const largest = extremeOf(Float32Array.from(fits, ({ scale }) => scale));
    const inverse = largest === 0 ? 0 : fround(-32 / largest);
    const found = {
      scales: fits.map(({ scale }) => (largest === 0 ? -32 : codeOf(fround(inverse * scale), -32, 31))),
      minima: NO_MINIMA,
      d: largest === 0 ? 0 : toHalfPrecision(fround(1 / inverse)),
      m: 0,
    };
    const { scales, d } = search === 'best' && largest !== 0 ? refineAroundZero(partsOf(block), found, 4, 32) : found;
    putHalf(out, 108, d);
    scales.forEach((scale, j) => {
      out[96 + (j & 7)]! |= ((scale + 32) & 15) << (j < 8 ? 0 : 4);
      out[104 + (j & 3)]! |= ((scale + 32) >> 4) << ((j >> 2) * 2);
    });
    const codes = roundParts(block, fits, (j) => fround(d * scales[j]!), 4);
    for (let i = 0; i < 256; i++) out[i & 31]! |= (codes[i]! >> 2) << (i >> 5);
    putTwoBits(out, 32, codes);
  });
}

/** Sixteen parts of 16 with scales of 8 bits. Source: quantize_row_q6_K_ref */
export function quantizeQ6_K(values: Float32Array, search: BlockSearch = 'reference'): Uint8Array {
  return eachBlock(values, K_QUANTS.Q6_K, (block, out) => {
    const fits = partsOf(block).map(fitByTries);
    const largest = extremeOf(Float32Array.from(fits, ({ scale }) => scale));
    if (Math.abs(largest) < NOTHING) return;
    const inverse = fround(-128 / largest);
    const found = {
      scales: fits.map(({ scale }) => (Math.min(127, nearestInt(fround(inverse * scale))) << 24) >> 24),
      minima: NO_MINIMA,
      d: toHalfPrecision(fround(1 / inverse)),
      m: 0,
    };
    const { scales, d } = search === 'best' ? refineAroundZero(partsOf(block), found, 32, 128) : found;
    putHalf(out, 208, d);
    out.set(scales, 192);
    const codes = roundParts(block, fits, (j) => fround(d * scales[j]!), 32);
    for (let i = 0; i < 256; i++) out[(i >> 7) * 64 + (i & 63)]! |= (codes[i]! & 15) << (i & 64 ? 4 : 0);
    putTwoBits(
      out,
      128,
      codes.map((code) => code >> 4),
    );
  });
}

const NO_MINIMA: readonly number[] = new Array<number>(16).fill(0);

function partsOf(block: Float32Array): Float32Array[] {
  return Array.from({ length: 16 }, (_, j) => block.subarray(j * 16, (j + 1) * 16));
}

/** The best codes for scales as they are stored; where one is zero, those of the search. */
function roundParts(block: Float32Array, fits: readonly AroundZero[], scaleOf: (j: number) => number, half: number): Uint8Array {
  const codes = new Uint8Array(256);
  fits.forEach((fit, j) => {
    const scale = scaleOf(j);
    if (scale === 0) codes.set(fit.codes, j * 16);
    else for (let i = j * 16; i < j * 16 + 16; i++) codes[i] = codeOf(fround(block[i]! / scale), -half, half - 1) + half;
  });
  return codes;
}

/**
 * ggml's make_qx_quants with 64 codes: 19 slightly different steps, of which that wins whose codes explain most, by weights that are the squares of the
 * values.
 */
function fitByTries(values: Float32Array): AroundZero {
  const half = 32;
  const extreme = extremeOf(values);
  if (Math.abs(extreme) < NOTHING) return { scale: 0, codes: new Uint8Array(values.length) };
  let [scale, best] = [0, 0];
  let codes = new Uint8Array(values.length);
  for (const shift of SHIFTS) {
    const inverse = fround(-fround(half + fround(fround(0.1) * shift)) / extreme);
    let [sumLX, sumLL] = [0, 0];
    const tried = new Uint8Array(values.length);
    for (let i = 0; i < values.length; i++) {
      const x = values[i]!;
      const code = codeOf(fround(inverse * x), -half, half - 1);
      tried[i] = code + half;
      const weight = fround(x * x);
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

/** Tenths of a level. */
const SHIFTS = [0, -9, -8, -7, -6, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 6, 7, 8, 9];

/** ggml's make_q3_quants: one code after the other is moved to where the others want it, at most five times. */
function fitByTurns(values: Float32Array): AroundZero {
  const half = 4;
  const extreme = extremeOf(values);
  if (Math.abs(extreme) < NOTHING) return { scale: 0, codes: new Uint8Array(values.length) };
  const inverse = fround(-half / extreme);
  const codes = Int8Array.from(values, (x) => codeOf(fround(inverse * x), -half, half - 1));
  const weights = values.map((x) => x * x);
  const crossOf = (i: number, code: number) => fround(fround(weights[i]! * values[i]!) * code);
  const squareOf = (i: number, code: number) => fround(fround(weights[i]! * code) * code);
  let [sumLX, sumLL] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    sumLX = fround(sumLX + crossOf(i, codes[i]!));
    sumLL = fround(sumLL + squareOf(i, codes[i]!));
  }
  for (let turn = 0, changed = true; turn < 5 && changed; turn++) {
    changed = false;
    for (let i = 0; i < values.length; i++) {
      const others = fround(sumLX - crossOf(i, codes[i]!));
      if (!(others > 0)) continue;
      const squares = fround(sumLL - squareOf(i, codes[i]!));
      const code = codeOf(fround(fround(values[i]! * squares) / others), -half, half - 1);
      if (code === codes[i]) continue;
      const [lx, ll] = [fround(others + crossOf(i, code)), fround(squares + squareOf(i, code))];
      if (!(ll > 0 && fround(fround(lx * lx) * sumLL) > fround(fround(sumLX * sumLX) * ll))) continue;
      codes[i] = code;
      [sumLX, sumLL, changed] = [lx, ll, true];
    }
  }
  return { scale: sumLL > 0 ? fround(sumLX / sumLL) : 0, codes: Uint8Array.from(codes, (code) => code + half) };
}
