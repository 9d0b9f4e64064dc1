import { type BlockType, halfAt, i8At, nibbleOf, u32At } from './block-type.ts';

/** 32 values with a scale of their own, a half; those named `_1` have a minimum, too. */
export const PLAIN = {
  Q4_0: {
    number: 2,
    values: 32,
    bytes: 18,
    decode(bytes, at, values, to) {
      const scale = halfAt(bytes, at);
      for (let i = 0; i < 32; i++) values[to + i] = scale * (nibbleOf(bytes, at + 2, i) - 8);
    },
  },
  Q4_1: {
    number: 3,
    values: 32,
    bytes: 20,
    decode(bytes, at, values, to) {
      const [scale, minimum] = [halfAt(bytes, at), halfAt(bytes, at + 2)];
      for (let i = 0; i < 32; i++) values[to + i] = scale * nibbleOf(bytes, at + 4, i) + minimum;
    },
  },
  Q5_0: {
    number: 6,
    values: 32,
    bytes: 22,
    decode(bytes, at, values, to) {
      const scale = halfAt(bytes, at);
      for (let i = 0; i < 32; i++) values[to + i] = scale * (fiveBitsOf(bytes, at + 2, i) - 16);
    },
  },
  Q5_1: {
    number: 7,
    values: 32,
    bytes: 24,
    decode(bytes, at, values, to) {
      const [scale, minimum] = [halfAt(bytes, at), halfAt(bytes, at + 2)];
      for (let i = 0; i < 32; i++) values[to + i] = scale * fiveBitsOf(bytes, at + 4, i) + minimum;
    },
  },
  Q8_0: {
    number: 8,
    values: 32,
    bytes: 34,
    decode(bytes, at, values, to) {
      const scale = halfAt(bytes, at);
      for (let i = 0; i < 32; i++) values[to + i] = scale * i8At(bytes, at + 2 + i);
    },
  },
  /** A sign for every value. */
  Q1_0: {
    number: 41,
    values: 128,
    bytes: 18,
    decode(bytes, at, values, to) {
      const scale = halfAt(bytes, at);
      for (let i = 0; i < 128; i++) values[to + i] = (bytes[at + 2 + (i >> 3)]! >> (i & 7)) & 1 ? scale : -scale;
    },
  },
} as const satisfies Record<string, BlockType>;

/** The fifth bits of 32 codes come first, together, and then the other four. */
function fiveBitsOf(bytes: Uint8Array, at: number, i: number): number {
  return nibbleOf(bytes, at + 4, i) | (((u32At(bytes, at) >>> i) & 1) << 4);
}
