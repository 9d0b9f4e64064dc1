import { K_QUANTS } from '../../../core/blocks/k-quants.ts';
import { toHalfPrecision } from '../../../core/half.ts';
import type { BlockSearch } from '../../../core/kernels.ts';
import { codeOf, eachBlock, nearestInt, putHalf, putTwoBits } from './arithmetic.ts';
import { fitMinimum, type Tries, type WithMinimum } from './fit-minimum.ts';
import { refineWithMinimum, type Scales } from './refine.ts';

const { fround } = Math;

const TRIES = {
  Q2_K: { most: 3, first: -0.5, step: 0.1, count: 15, error: 'absolute' },
  Q4_K: { most: 15, first: -1, step: 0.1, count: 20, error: 'squared' },
  Q5_K: { most: 31, first: -0.5, step: 0.1, count: 15, error: 'squared' },
} as const satisfies Record<string, Tries>;

/** Sixteen parts of 16 with a scale and a minimum of 4 bits each. Source: quantize_row_q2_K_ref */
export function quantizeQ2_K(values: Float32Array, search: BlockSearch = 'reference'): Uint8Array {
  return eachBlock(values, K_QUANTS.Q2_K, (block, out) => {
    const parts = partsOf(block, 16);
    const fits = parts.map((part) => fitMinimum(part, part.map(Math.abs), TRIES.Q2_K));
    const { scales, minima, codes } = encodeParts(parts, fits, { mostScale: 15, mostCode: TRIES.Q2_K.most, halvesAt: 80, search }, out);
    for (let j = 0; j < 16; j++) out[j] = scales[j]! | (minima[j]! << 4);
    putTwoBits(out, 16, codes);
  });
}

/** Eight parts of 32 with a scale and a minimum of 6 bits each. Source: quantize_row_q4_K_ref */
export function quantizeQ4_K(values: Float32Array, search: BlockSearch = 'reference'): Uint8Array {
  return eachBlock(values, K_QUANTS.Q4_K, (block, out) => {
    const codes = encodeInSixBits(block, TRIES.Q4_K, search, out);
    putHalves(out, 16, codes);
  });
}

/** As Q4_K, with the fifth bits first. Source: quantize_row_q5_K_ref */
export function quantizeQ5_K(values: Float32Array, search: BlockSearch = 'reference'): Uint8Array {
  return eachBlock(values, K_QUANTS.Q5_K, (block, out) => {
    const codes = encodeInSixBits(block, TRIES.Q5_K, search, out);
    for (let i = 0; i < 256; i++) out[16 + (i & 31)]! |= (codes[i]! >> 4) << (i >> 5);
    putHalves(out, 48, codes);
  });
}

/** Writes halves and scales. */
function encodeInSixBits(block: Float32Array, tries: Tries, search: BlockSearch, out: Uint8Array): Uint8Array {
  const parts = partsOf(block, 32);
  const fits = parts.map((part) => fitMinimum(part, towardsLarge(part), tries));
  const { scales, minima, codes } = encodeParts(parts, fits, { mostScale: 63, mostCode: tries.most, halvesAt: 0, search }, out);
  for (let j = 0; j < 8; j++) putScale(out.subarray(4, 16), j, scales[j]!, minima[j]!);
  return codes;
}

function partsOf(block: Float32Array, size: number): Float32Array[] {
  return Array.from({ length: block.length / size }, (_, j) => block.subarray(j * size, (j + 1) * size));
}

/** Weights that favour large values. */
function towardsLarge(part: Float32Array): Float32Array {
  let squares = 0;
  for (const x of part) squares = fround(squares + fround(x * x));
  const average = fround(Math.sqrt(fround(squares / part.length)));
  return part.map((x) => average + Math.abs(x));
}

interface Encoding {
  readonly mostScale: number;
  readonly mostCode: number;
  readonly halvesAt: number;
  readonly search: BlockSearch;
}

/** Scales and minima as codes of a few bits, with a half for each kind, which are written; and the codes that are best with what these then mean. */
function encodeParts(
  parts: readonly Float32Array[],
  fits: readonly WithMinimum[],
  { mostScale, mostCode, halvesAt, search }: Encoding,
  out: Uint8Array,
) {
  const largest = (pick: (fit: WithMinimum) => number) => fits.reduce((most, fit) => Math.max(most, pick(fit)), 0);
  const [maxScale, maxMinimum] = [largest(({ scale }) => scale), largest(({ minimum }) => minimum)];
  const found: Scales = {
    scales: fits.map(({ scale }) => fewBits(scale, maxScale, mostScale)),
    minima: fits.map(({ minimum }) => fewBits(minimum, maxMinimum, mostScale)),
    d: asHalf(maxScale / mostScale),
    m: asHalf(maxMinimum / mostScale),
  };
  const { scales, minima, d, m } = search === 'best' ? refineWithMinimum(parts, found, mostCode, mostScale) : found;
  putHalf(out, halvesAt, d);
  putHalf(out, halvesAt + 2, m);
  const codes = new Uint8Array(256);
  parts.forEach((part, j) => {
    const [scale, minimum] = [fround(d * scales[j]!), fround(m * minima[j]!)];
    const from = j * part.length;
    if (scale === 0) codes.set(fits[j]!.codes, from);
    else for (let i = 0; i < part.length; i++) codes[from + i] = codeOf(fround(fround(part[i]! + minimum) / scale), 0, mostCode);
  });
  return { scales, minima, codes };
}

function asHalf(value: number): number {
  return toHalfPrecision(fround(value));
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
