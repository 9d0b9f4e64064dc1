import { type BlockType, halfAt, i8At } from './block-type.ts';

/** 256 values in parts of 16 or 32, whose scales (and minima) are codes themselves, with a half for all of them. */
export const K_QUANTS = {
  Q2_K: {
    number: 10,
    values: 256,
    bytes: 84,
    decode(bytes, at, values, to) {
      const [scale, minimum] = [halfAt(bytes, at + 80), halfAt(bytes, at + 82)];
      for (let i = 0; i < 256; i++) {
        const part = bytes[at + (i >> 4)]!;
        values[to + i] = scale * (part & 15) * twoBitsOf(bytes, at + 16, i) - minimum * (part >> 4);
      }
    },
  },
  Q3_K: {
    number: 11,
    values: 256,
    bytes: 110,
    decode(bytes, at, values, to) {
      const scale = halfAt(bytes, at + 108);
      for (let i = 0; i < 256; i++) {
        const high = (bytes[at + (i & 31)]! >> (i >> 5)) & 1;
        const code = twoBitsOf(bytes, at + 32, i) - (high ? 0 : 4);
        values[to + i] = scale * (sixBitsOf(bytes, at + 96, i >> 4) - 32) * code;
      }
    },
  },
  Q4_K: {
    number: 12,
    values: 256,
    bytes: 144,
    decode(bytes, at, values, to) {
      const [scale, minimum] = [halfAt(bytes, at), halfAt(bytes, at + 2)];
      for (let part = 0; part < 8; part++) {
        const [s, m] = [scale * partScale(bytes, at + 4, part), minimum * partMinimum(bytes, at + 4, part)];
        for (let i = 0; i < 32; i++) values[to + part * 32 + i] = s * fourBitsOf(bytes, at + 16, part, i) - m;
      }
    },
  },
  Q5_K: {
    number: 13,
    values: 256,
    bytes: 176,
    decode(bytes, at, values, to) {
      const [scale, minimum] = [halfAt(bytes, at), halfAt(bytes, at + 2)];
      for (let part = 0; part < 8; part++) {
        const [s, m] = [scale * partScale(bytes, at + 4, part), minimum * partMinimum(bytes, at + 4, part)];
        for (let i = 0; i < 32; i++) {
          const high = (bytes[at + 16 + i]! >> part) & 1;
          values[to + part * 32 + i] = s * (fourBitsOf(bytes, at + 48, part, i) + high * 16) - m;
        }
      }
    },
  },
  Q6_K: {
    number: 14,
    values: 256,
    bytes: 210,
    decode(bytes, at, values, to) {
      const scale = halfAt(bytes, at + 208);
      for (let i = 0; i < 256; i++) {
        const half = i >> 7;
        const low = (bytes[at + half * 64 + (i & 63)]! >> (i & 64 ? 4 : 0)) & 15;
        const code = (low | (twoBitsOf(bytes, at + 128, i) << 4)) - 32;
        values[to + i] = scale * i8At(bytes, at + 192 + (i >> 4)) * code;
      }
    },
  },
} as const satisfies Record<string, BlockType>;

/** Code `i` of 256 codes of 2 bits: 32 bytes hold four runs of 32, the first in their lowest bits. */
export function twoBitsOf(bytes: Uint8Array, at: number, i: number): number {
  return (bytes[at + (i >> 7) * 32 + (i & 31)]! >> (((i >> 5) & 3) * 2)) & 3;
}

/** Code `i` of a part of 32: two neighbouring parts share 32 bytes, the first in the low halves. */
function fourBitsOf(bytes: Uint8Array, at: number, part: number, i: number): number {
  return (bytes[at + (part >> 1) * 32 + i]! >> ((part & 1) * 4)) & 15;
}

/** One of the sixteen 6-bit scales of Q3_K: 8 bytes of low halves, then 4 of high bits. */
function sixBitsOf(bytes: Uint8Array, at: number, part: number): number {
  const low = (bytes[at + (part & 7)]! >> (part < 8 ? 0 : 4)) & 15;
  return low | (((bytes[at + 8 + (part & 3)]! >> ((part >> 2) * 2)) & 3) << 4);
}

/** One of the eight 6-bit scales of Q4_K and Q5_K: four lie in 6 bits of a byte each, the others in half a byte and the two bits that remain. */
function partScale(bytes: Uint8Array, at: number, part: number): number {
  return part < 4 ? bytes[at + part]! & 63 : (bytes[at + part + 4]! & 15) | ((bytes[at + part - 4]! >> 6) << 4);
}

/** As `partScale`. */
function partMinimum(bytes: Uint8Array, at: number, part: number): number {
  return part < 4 ? bytes[at + part + 4]! & 63 : (bytes[at + part + 4]! >> 4) | ((bytes[at + part]! >> 6) << 4);
}
