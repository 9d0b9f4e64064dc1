import { type BlockType, halfAt, u16At, u32At } from './block-type.ts';
import { GRIDS, type Grid } from './grids.ts';

/** 256 values in groups of 4 or 8 whose magnitudes (or, with one bit, values) are together one entry of a table, chosen so that good neighbours are in it. */
export const LATTICES = {
  IQ2_XXS: {
    number: 16,
    values: 256,
    bytes: 66,
    decode(bytes, at, values, to) {
      const scale = halfAt(bytes, at);
      for (let part = 0; part < 8; part++) {
        const from = at + 2 + part * 8;
        const rest = u32At(bytes, from + 4);
        const step = scale * (0.5 + (rest >>> 28)) * 0.25;
        for (let group = 0; group < 4; group++) {
          put(values, to + part * 32 + group * 8, GRIDS.iq2xxs, bytes[from + group]!, step, signsOf(rest >>> (group * 7)));
        }
      }
    },
  },
  IQ2_XS: {
    number: 17,
    values: 256,
    bytes: 74,
    decode(bytes, at, values, to) {
      const scale = halfAt(bytes, at);
      for (let group = 0; group < 32; group++) {
        const code = u16At(bytes, at + 2 + group * 2);
        const step = scale * (0.5 + fourBits(bytes, at + 66, group >> 1)) * 0.25;
        put(values, to + group * 8, GRIDS.iq2xs, code & 511, step, signsOf(code >> 9));
      }
    },
  },
  IQ2_S: {
    number: 22,
    values: 256,
    bytes: 82,
    decode(bytes, at, values, to) {
      const scale = halfAt(bytes, at);
      for (let group = 0; group < 32; group++) {
        const high = (bytes[at + 66 + (group >> 2)]! >> ((group & 3) * 2)) & 3;
        const step = scale * (0.5 + fourBits(bytes, at + 74, group >> 1)) * 0.25;
        put(values, to + group * 8, GRIDS.iq2s, bytes[at + 2 + group]! | (high << 8), step, bytes[at + 34 + group]!);
      }
    },
  },
  IQ3_XXS: {
    number: 18,
    values: 256,
    bytes: 98,
    decode(bytes, at, values, to) {
      const scale = halfAt(bytes, at);
      for (let part = 0; part < 8; part++) {
        const rest = u32At(bytes, at + 66 + part * 4);
        const step = scale * (0.5 + (rest >>> 28)) * 0.5;
        for (let group = 0; group < 8; group++) {
          const signs = signsOf(rest >>> ((group >> 1) * 7)) >> ((group & 1) * 4);
          put(values, to + part * 32 + group * 4, GRIDS.iq3xxs, bytes[at + 2 + part * 8 + group]!, step, signs);
        }
      }
    },
  },
  IQ3_S: {
    number: 21,
    values: 256,
    bytes: 110,
    decode(bytes, at, values, to) {
      const scale = halfAt(bytes, at);
      for (let group = 0; group < 64; group++) {
        const high = (bytes[at + 66 + (group >> 3)]! >> (group & 7)) & 1;
        const step = scale * (1 + 2 * fourBits(bytes, at + 106, group >> 3));
        const signs = bytes[at + 74 + (group >> 1)]! >> ((group & 1) * 4);
        put(values, to + group * 4, GRIDS.iq3s, bytes[at + 2 + group]! | (high << 8), step, signs);
      }
    },
  },
  IQ1_S: {
    number: 19,
    values: 256,
    bytes: 50,
    decode(bytes, at, values, to) {
      const scale = halfAt(bytes, at);
      for (let group = 0; group < 32; group++) {
        const part = u16At(bytes, at + 34 + (group >> 2) * 2);
        const step = scale * (2 * ((part >> 12) & 7) + 1);
        const high = (part >> ((group & 3) * 3)) & 7;
        putShifted(values, to + group * 8, bytes[at + 2 + group]! | (high << 8), step, part & 0x8000 ? -SHIFT : SHIFT);
      }
    },
  },
  /** The half that all share is in the highest bits of the four numbers whose other bits are scales. */
  IQ1_M: {
    number: 29,
    values: 256,
    bytes: 56,
    decode(bytes, at, values, to) {
      const shared = [0, 1, 2, 3].reduce((bits, i) => bits | ((u16At(bytes, at + 48 + i * 2) >> 12) << (i * 4)), 0);
      const scale = halfAt(Uint8Array.of(shared & 255, shared >> 8), 0);
      for (let group = 0; group < 32; group++) {
        const step = scale * (2 * ((u16At(bytes, at + 48 + (group >> 3) * 2) >> (((group >> 1) & 3) * 3)) & 7) + 1);
        const high = bytes[at + 32 + (group >> 1)]! >> ((group & 1) * 4);
        putShifted(values, to + group * 8, bytes[at + group]! | ((high & 7) << 8), step, high & 8 ? -SHIFT : SHIFT);
      }
    },
  },
} as const satisfies Record<string, BlockType>;

/** By which all values of a group are moved, up or down. */
const SHIFT = 0.125;

/** Signs of 8 values in 7 bits: the last is such that their number is even. */
function signsOf(bits: number): number {
  const seven = bits & 127;
  let parity = seven ^ (seven >> 4);
  parity ^= parity >> 2;
  return seven | (((parity ^ (parity >> 1)) & 1) << 7);
}

function fourBits(bytes: Uint8Array, at: number, i: number): number {
  return (bytes[at + (i >> 1)]! >> ((i & 1) * 4)) & 15;
}

function put(values: Float32Array, to: number, { width, entries }: Grid, entry: number, step: number, signs: number): void {
  const table = entries();
  for (let i = 0; i < width; i++) {
    const magnitude = step * table[entry * width + i]!;
    values[to + i] = (signs >> i) & 1 ? -magnitude : magnitude;
  }
}

function putShifted(values: Float32Array, to: number, entry: number, step: number, shift: number): void {
  const table = GRIDS.iq1s.entries();
  for (let i = 0; i < 8; i++) values[to + i] = step * (table[entry * 8 + i]! + shift);
}
