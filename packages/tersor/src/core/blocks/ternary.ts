import { type BlockType, halfAt } from './block-type.ts';
import { twoBitsOf } from './k-quants.ts';

/** 256 values that are minus the scale, zero, or the scale. */
export const TERNARY = {
  /** Five digits to a byte, as a fraction: the first digit is the byte's three thirds, and every further one those of what remains, times 3. */
  TQ1_0: {
    number: 34,
    values: 256,
    bytes: 54,
    decode(bytes, at, values, to) {
      const scale = halfAt(bytes, at + 52);
      let next = to;
      for (const [from, length, digits] of TERNARY_RUNS) {
        for (let digit = 0, power = 1; digit < digits; digit++, power *= 3) {
          for (let i = 0; i < length; i++) values[next++] = scale * (((((bytes[at + from + i]! * power) & 255) * 3) >> 8) - 1);
        }
      }
    },
  },
  TQ2_0: {
    number: 35,
    values: 256,
    bytes: 66,
    decode(bytes, at, values, to) {
      const scale = halfAt(bytes, at + 64);
      for (let i = 0; i < 256; i++) values[to + i] = scale * (twoBitsOf(bytes, at, i) - 1);
    },
  },
} as const satisfies Record<string, BlockType>;

/** Bytes of TQ1_0 that hold the digits of as many neighbours: where they begin, how many, and their digits. */
export const TERNARY_RUNS = [
  [0, 32, 5],
  [32, 16, 5],
  [48, 4, 4],
] as const;
