import { K_QUANTS } from '../../../core/blocks/k-quants.ts';
import type { BlockRounding, BlockSearch } from '../../../core/kernels.ts';
import { codeOf, eachBlock, nearestInt, partsOf, putHalf, putTwoBits } from './arithmetic.ts';
import { fitScales } from './fit-around-zero.ts';
import { fitMinimum, type Tries, type WithMinimum, weightedTries } from './fit-minimum.ts';
import { asHalf, FEW_BITS, refineWithMinimum, type Scales } from './refine.ts';
import { importanceOf, meanSquare, sumOf, towardsLarge } from './weights.ts';

const { fround } = Math;

const TRIES = {
  Q2_K: { most: 3, first: -0.5, step: 0.1, count: 15, error: 'absolute' },
  Q4_K: { most: 15, first: -1, step: 0.1, count: 20, error: 'squared' },
  Q5_K: { most: 31, first: -0.5, step: 0.1, count: 15, error: 'squared' },
} as const satisfies Record<string, Tries>;

/** Sixteen parts of 16 with a scale and a minimum of 4 bits each. Source: quantize_row_q2_K_ref, quantize_row_q2_K_impl */
export function quantizeQ2_K(values: Float32Array, { search, importance }: BlockRounding = {}): Uint8Array {
  return eachBlock(values, K_QUANTS.Q2_K, importance, (block, out, counts) => {
    const weights = counts ? towardsLarge(block, counts, meanSquare(block)) : block.map(Math.abs);
    const encoding = { tries: TRIES.Q2_K, size: 16, mostScale: 15, halvesAt: 80, share: FEW_BITS, search };
    const { scales, minima, codes } = encodeParts(block, weights, counts, encoding, out);
    for (let j = 0; j < 16; j++) out[j] = scales[j]! | (minima[j]! << 4);
    putTwoBits(out, 16, codes);
  });
}

/** Eight parts of 32 with a scale and a minimum of 6 bits each. Source: quantize_row_q4_K_ref, quantize_row_q4_K_impl */
export function quantizeQ4_K(values: Float32Array, { search, importance }: BlockRounding = {}): Uint8Array {
  return eachBlock(values, K_QUANTS.Q4_K, importance, (block, out, counts) => {
    const codes = encodeInSixBits(block, counts, TRIES.Q4_K, search, out);
    putHalves(out, 16, codes);
  });
}

/** As Q4_K, with the fifth bits first. Source: quantize_row_q5_K_ref, quantize_row_q5_K_impl */
export function quantizeQ5_K(values: Float32Array, { search, importance }: BlockRounding = {}): Uint8Array {
  return eachBlock(values, K_QUANTS.Q5_K, importance, (block, out, counts) => {
    const codes = encodeInSixBits(block, counts, TRIES.Q5_K, search, out);
    for (let i = 0; i < 256; i++) out[16 + (i & 31)]! |= (codes[i]! >> 4) << (i >> 5);
    putHalves(out, 48, codes);
  });
}

/** Writes halves and scales. */
function encodeInSixBits(
  block: Float32Array,
  importance: Float32Array | undefined,
  tries: Tries,
  search: BlockSearch | undefined,
  out: Uint8Array,
): Uint8Array {
  const weights = importance ? towardsLarge(block, importance, meanSquare(block, 2)) : beyondAverage(block);
  const { scales, minima, codes } = encodeParts(
    block,
    weights,
    importance,
    { tries, size: 32, mostScale: 63, halvesAt: 0, share: 1, search },
    out,
  );
  for (let j = 0; j < 8; j++) putScale(out.subarray(4, 16), j, scales[j]!, minima[j]!);
  return codes;
}

/** Weights that favour large values, part by part. */
function beyondAverage(block: Float32Array): Float32Array {
  const averages = partsOf(block, 32).map((part) => fround(Math.sqrt(meanSquare(part))));
  return block.map((x, i) => averages[i >> 5]! + Math.abs(x));
}

interface Encoding {
  readonly tries: Tries;
  /** Values of a part. */
  readonly size: number;
  readonly mostScale: number;
  readonly halvesAt: number;
  /** Of the reference's squared error, within which the halves are stretched. */
  readonly share: number;
  readonly search: BlockSearch | undefined;
}

/** Scales and minima as codes of a few bits, with a half for each kind, which are written; and the codes that are best with what these then mean. */
function encodeParts(
  block: Float32Array,
  weights: Float32Array,
  importance: Float32Array | undefined,
  { tries, size, mostScale, halvesAt, share, search }: Encoding,
  out: Uint8Array,
) {
  const parts = partsOf(block, size);
  const mostCode = tries.most;
  const eachWeights = partsOf(weights, size);
  const fits = parts.map((part, j) => fitMinimum(part, eachWeights[j]!, importance ? weightedTries(mostCode) : tries));
  const found = importance ? weightedScales(fits, eachWeights, mostScale) : plainScales(fits, mostScale);
  const { scales, minima, d, m, written } =
    search === 'best'
      ? refineWithMinimum(parts, importanceOf(block, importance), found, mostCode, mostScale, share)
      : { ...found, written: found };
  putHalf(out, halvesAt, written.d);
  putHalf(out, halvesAt + 2, written.m);
  const codes = new Uint8Array(256);
  parts.forEach((part, j) => {
    const [scale, minimum] = [fround(d * scales[j]!), fround(m * minima[j]!)];
    const from = j * part.length;
    if (scale === 0) codes.set(fits[j]!.codes, from);
    else for (let i = 0; i < part.length; i++) codes[from + i] = codeOf(fround(fround(part[i]! + minimum) / scale), 0, mostCode);
  });
  return { scales, minima, codes };
}

function plainScales(fits: readonly WithMinimum[], mostScale: number): Scales {
  const largest = (pick: (fit: WithMinimum) => number) => fits.reduce((most, fit) => Math.max(most, pick(fit)), 0);
  const [maxScale, maxMinimum] = [largest(({ scale }) => scale), largest(({ minimum }) => minimum)];
  return {
    scales: fits.map(({ scale }) => fewBits(scale, maxScale, mostScale)),
    minima: fits.map(({ minimum }) => fewBits(minimum, maxMinimum, mostScale)),
    d: asHalf(maxScale / mostScale),
    m: asHalf(maxMinimum / mostScale),
  };
}

function weightedScales(fits: readonly WithMinimum[], weights: readonly Float32Array[], mostScale: number): Scales {
  const sums = Float32Array.from(weights, sumOf);
  const fit = (pick: (fit: WithMinimum) => number) => fitScales(Float32Array.from(fits, pick), sums, mostScale);
  const [scales, minima] = [fit(({ scale }) => scale), fit(({ minimum }) => minimum)];
  return { scales: [...scales.codes], minima: [...minima.codes], d: asHalf(scales.scale), m: asHalf(minima.scale) };
}

function fewBits(value: number, largest: number, most: number): number {
  const inverse = largest > 0 ? fround(most / largest) : 0;
  return Math.min(most, nearestInt(fround(inverse * value)) & 255);
}

/** Six bits each for scale and minimum of part j, in ggml's arrangement of 12 bytes. */
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

/** The lowest 4 bits of 256 codes: two neighbouring parts of 32 share 32 bytes. */
function putHalves(out: Uint8Array, at: number, codes: Uint8Array): void {
  for (let i = 0; i < 256; i++) out[at + (i >> 6) * 32 + (i & 31)]! |= (codes[i]! & 15) << (i & 32 ? 4 : 0);
}
