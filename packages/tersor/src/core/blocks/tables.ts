import { type BlockType, halfAt, nibbleOf, u16At } from './block-type.ts';

/** Steps that are shorter near zero. */
export const NONLINEAR = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113] as const;

/** Twice the values of a float with two bits of exponent and one of mantissa. */
export const E2M1 = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12] as const;

/** Codes of 4 bits that say which of 16 values it is. */
export const TABLES = {
  IQ4_NL: {
    number: 20,
    values: 32,
    bytes: 18,
    decode(bytes, at, values, to) {
      const scale = halfAt(bytes, at);
      for (let i = 0; i < 32; i++) values[to + i] = scale * NONLINEAR[nibbleOf(bytes, at + 2, i)]!;
    },
  },
  /** Eight parts of 32 with scales of 6 bits: first their high bits, then the others. */
  IQ4_XS: {
    number: 23,
    values: 256,
    bytes: 136,
    decode(bytes, at, values, to) {
      const scale = halfAt(bytes, at);
      const high = u16At(bytes, at + 2);
      for (let part = 0; part < 8; part++) {
        const low = (bytes[at + 4 + (part >> 1)]! >> ((part & 1) * 4)) & 15;
        const step = scale * ((low | (((high >> (part * 2)) & 3) << 4)) - 32);
        for (let i = 0; i < 32; i++) values[to + part * 32 + i] = step * NONLINEAR[nibbleOf(bytes, at + 8 + part * 16, i)]!;
      }
    },
  },
  /** The scale is a power of two, its exponent a byte. */
  MXFP4: {
    number: 39,
    values: 32,
    bytes: 17,
    decode(bytes, at, values, to) {
      const scale = 2 ** (bytes[at]! - 128);
      for (let i = 0; i < 32; i++) values[to + i] = scale * E2M1[nibbleOf(bytes, at + 1, i)]!;
    },
  },
  /** Four parts of 16, whose scales are floats of 8 bits. */
  NVFP4: {
    number: 40,
    values: 64,
    bytes: 36,
    decode(bytes, at, values, to) {
      for (let i = 0; i < 64; i++) {
        const part = i >> 4;
        const code = (bytes[at + 4 + part * 8 + (i & 7)]! >> (i & 8 ? 4 : 0)) & 15;
        values[to + i] = (e4m3(bytes[at + part]!) / 2) * E2M1[code]!;
      }
    },
  },
} as const satisfies Record<string, BlockType>;

/** Without a sign; what would be not a number is 0. */
function e4m3(bits: number): number {
  const exponent = (bits >> 3) & 15;
  if (bits === 0x7f) return 0;
  return exponent === 0 ? (bits & 7) * 2 ** -9 : (1 + (bits & 7) / 8) * 2 ** (exponent - 7);
}
