import { K_QUANTS } from '../../../core/blocks/k-quants.ts';
import { toHalfPrecision } from '../../../core/half.ts';
import type { BlockRounding } from '../../../core/kernels.ts';
import { codeOf, eachBlock, extremeOf, NOTHING, nearestInt, partsOf, putHalf, putTwoBits } from './arithmetic.ts';
import { type AroundZero, fitAroundZero, fitByTurns } from './fit-around-zero.ts';
import { FEW_BITS, passesFor, refineAroundZero, wholeLevels } from './refine.ts';
import { importanceOf, meanSquare, sumOf, towardsLarge } from './weights.ts';

const { fround } = Math;

/** Sixteen parts of 16 with scales of 6 bits. Source: quantize_row_q3_K_ref, quantize_row_q3_K_impl */
export function quantizeQ3_K(values: Float32Array, { search, importance }: BlockRounding = {}): Uint8Array {
  return eachBlock(values, K_QUANTS.Q3_K, importance, (block, out, counts) => {
    const parts = partsOf(block, 16);
    const { fits, scales: found, d: first } = counts ? weightedQ3(block, counts) : plainQ3(parts);
    const start = { scales: found, d: first };
    const refined =
      search === 'best' && first !== 0
        ? refineAroundZero(parts, importanceOf(block, counts), start, wholeLevels(-4, 3), 32, passesFor(counts), counts ? 1 : FEW_BITS)
        : { ...start, written: start };
    const { scales, d, written } = refined;
    putHalf(out, 108, written.d);
    scales.forEach((scale, j) => {
      out[96 + (j & 7)]! |= ((scale + 32) & 15) << (j < 8 ? 0 : 4);
      out[104 + (j & 3)]! |= ((scale + 32) >> 4) << ((j >> 2) * 2);
    });
    const codes = roundParts(block, fits, (j) => fround(d * scales[j]!), 4);
    for (let i = 0; i < 256; i++) out[i & 31]! |= (codes[i]! >> 2) << (i >> 5);
    putTwoBits(out, 32, codes);
  });
}

interface Fits {
  readonly fits: readonly AroundZero[];
  readonly scales: readonly number[];
  readonly d: number;
}

function plainQ3(parts: readonly Float32Array[]): Fits {
  const fits = parts.map(fitByTurns);
  const largest = extremeOf(Float32Array.from(fits, ({ scale }) => scale));
  const inverse = largest === 0 ? 0 : fround(-32 / largest);
  return {
    fits,
    scales: fits.map(({ scale }) => (largest === 0 ? -32 : codeOf(fround(inverse * scale), -32, 31))),
    d: largest === 0 ? 0 : toHalfPrecision(fround(1 / inverse)),
  };
}

function weightedQ3(block: Float32Array, importance: Float32Array): Fits {
  const weights = partsOf(towardsLarge(block, importance, meanSquare(block, 2)), 16);
  const fits = partsOf(block, 16).map((part, j) => fitAroundZero(part, weights[j]!, 4));
  const { scale, codes } = fitAroundZero(
    Float32Array.from(fits, (fit) => fit.scale),
    Float32Array.from(weights, sumOf),
    32,
  );
  return { fits, scales: Array.from(codes, (code) => code - 32), d: toHalfPrecision(scale) };
}

/** Sixteen parts of 16 with scales of 8 bits. Source: quantize_row_q6_K_ref, quantize_row_q6_K_impl */
export function quantizeQ6_K(values: Float32Array, { search, importance }: BlockRounding = {}): Uint8Array {
  return eachBlock(values, K_QUANTS.Q6_K, importance, (block, out, counts) => {
    const parts = partsOf(block, 16);
    const weights = partsOf(counts ?? block.map((x) => x * x), 16);
    const fits = parts.map((part, j) => fitAroundZero(part, weights[j]!, 32));
    const largest = extremeOf(Float32Array.from(fits, ({ scale }) => scale));
    if (Math.abs(largest) < NOTHING) return;
    const inverse = fround(-128 / largest);
    const found = {
      scales: fits.map(({ scale }) => (Math.min(127, nearestInt(fround(inverse * scale))) << 24) >> 24),
      d: toHalfPrecision(fround(1 / inverse)),
    };
    const { scales, d, written } =
      search === 'best'
        ? refineAroundZero(parts, importanceOf(block, counts), found, wholeLevels(-32, 31), 128, passesFor(counts), 1)
        : { ...found, written: found };
    putHalf(out, 208, written.d);
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
