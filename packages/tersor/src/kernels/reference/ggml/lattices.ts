import { LATTICES } from '../../../core/blocks/lattices.ts';
import { halfBits } from '../../../core/half.ts';
import type { BlockRounding } from '../../../core/kernels.ts';
import { eachBlock, putHalf } from './arithmetic.ts';
import { type LatticeBlock, type LatticeType, searchLattice } from './lattice-search.ts';
import { importanceOf, meanSquare, towardsLarge } from './weights.ts';

type LatticeId = keyof typeof LATTICES;

export const LATTICE_TYPES = {
  IQ2_XXS: { grid: 'iq2xxs', part: 32, first: 0.125, step: 0.25, codes: 16, signs: 'even' },
  IQ2_XS: { grid: 'iq2xs', part: 16, first: 0.125, step: 0.25, codes: 16, signs: 'even' },
  IQ2_S: { grid: 'iq2s', part: 16, first: 0.125, step: 0.25, codes: 16, signs: 'free' },
  IQ3_XXS: { grid: 'iq3xxs', part: 32, first: 0.25, step: 0.5, codes: 16, signs: 'even' },
  IQ3_S: { grid: 'iq3s', part: 32, first: 1, step: 2, codes: 16, signs: 'free' },
  IQ1_S: { grid: 'iq1s', part: 32, first: 1, step: 2, codes: 8, signs: 'none', shifts: 'part' },
  IQ1_M: { grid: 'iq1s', part: 16, first: 1, step: 2, codes: 8, signs: 'none', shifts: 'entry' },
} as const satisfies Record<LatticeId, LatticeType>;

/**
 * Types of ggml whose values are entries of a table. ggml looks at the few entries that are near to what it rounded; here all are tried, so these are not its
 * bytes, and their error is smaller. Where importances are known errors count as in ggml, with either search. The one called `best` tries more scales.
 */
function quantizer(id: LatticeId, put: (block: LatticeBlock, out: Uint8Array) => void) {
  return (values: Float32Array, { search, importance }: BlockRounding = {}): Uint8Array =>
    eachBlock(values, LATTICES[id], importance, (block, out, counts) => {
      const weights = counts ? towardsLarge(block, counts, meanSquare(block, 2)) : importanceOf(block, counts);
      put(searchLattice(block, weights, LATTICE_TYPES[id], search), out);
    });
}

function put32(out: Uint8Array, at: number, bits: number): void {
  new DataView(out.buffer, out.byteOffset).setUint32(at, bits >>> 0, true);
}

function put16(out: Uint8Array, at: number, bits: number): void {
  out[at] = bits & 255;
  out[at + 1] = bits >> 8;
}

function putFourBits(out: Uint8Array, at: number, codes: Uint8Array): void {
  codes.forEach((code, i) => {
    out[at + (i >> 1)]! |= code << ((i & 1) * 4);
  });
}

/** Signs of 8 values, four times, in 7 bits each, and the code of the scale. */
function sevenBits(signs: Uint8Array, part: number, code: number): number {
  let bits = code << 28;
  for (let i = 0; i < 4; i++) bits |= (signs[part * 4 + i]! & 127) << (i * 7);
  return bits;
}

export const quantizeIQ2_XXS = quantizer('IQ2_XXS', ({ d, codes, entries, signs }, out) => {
  putHalf(out, 0, d);
  for (let part = 0; part < 8; part++) {
    for (let i = 0; i < 4; i++) out[2 + part * 8 + i] = entries[part * 4 + i]!;
    put32(out, 6 + part * 8, sevenBits(signs, part, codes[part]!));
  }
});

export const quantizeIQ2_XS = quantizer('IQ2_XS', ({ d, codes, entries, signs }, out) => {
  putHalf(out, 0, d);
  entries.forEach((entry, i) => void put16(out, 2 + i * 2, entry | ((signs[i]! & 127) << 9)));
  putFourBits(out, 66, codes);
});

export const quantizeIQ2_S = quantizer('IQ2_S', ({ d, codes, entries, signs }, out) => {
  putHalf(out, 0, d);
  out.set(signs, 34);
  entries.forEach((entry, i) => {
    out[2 + i] = entry & 255;
    out[66 + (i >> 2)]! |= (entry >> 8) << ((i & 3) * 2);
  });
  putFourBits(out, 74, codes);
});

export const quantizeIQ3_XXS = quantizer('IQ3_XXS', ({ d, codes, entries, signs }, out) => {
  putHalf(out, 0, d);
  out.set(entries, 2);
  for (let part = 0; part < 8; part++) put32(out, 66 + part * 4, sevenBits(signs, part, codes[part]!));
});

export const quantizeIQ3_S = quantizer('IQ3_S', ({ d, codes, entries, signs }, out) => {
  putHalf(out, 0, d);
  entries.forEach((entry, i) => {
    out[2 + i] = entry & 255;
    out[66 + (i >> 3)]! |= (entry >> 8) << (i & 7);
  });
  out.set(signs, 74);
  putFourBits(out, 106, codes);
});

export const quantizeIQ1_S = quantizer('IQ1_S', ({ d, codes, entries, down }, out) => {
  putHalf(out, 0, d);
  for (let part = 0; part < 8; part++) {
    let bits = (codes[part]! << 12) | (down[part * 4]! << 15);
    for (let i = 0; i < 4; i++) {
      out[2 + part * 4 + i] = entries[part * 4 + i]! & 255;
      bits |= (entries[part * 4 + i]! >> 8) << (i * 3);
    }
    put16(out, 34 + part * 2, bits);
  }
});

export const quantizeIQ1_M = quantizer('IQ1_M', ({ d, codes, entries, down }, out) => {
  entries.forEach((entry, i) => {
    out[i] = entry & 255;
    out[32 + (i >> 1)]! |= ((entry >> 8) | (down[i]! << 3)) << ((i & 1) * 4);
  });
  const shared = halfBits(d);
  for (let four = 0; four < 4; four++) {
    let bits = ((shared >> (four * 4)) & 15) << 12;
    for (let i = 0; i < 4; i++) bits |= codes[four * 4 + i]! << (i * 3);
    put16(out, 48 + four * 2, bits);
  }
});
