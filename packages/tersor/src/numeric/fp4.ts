import type { Numeric } from '../core/numeric.ts';

/** Floats of four bits as bitsandbytes has them: a sign, and eight sizes from 0 to 1. */
const SIZES = [0, 0.0625 / 12, 8 / 12, 1, 4 / 12, 6 / 12, 2 / 12, 3 / 12].map(Math.fround);

/** Source: https://github.com/bitsandbytes-foundation/bitsandbytes/blob/main/bitsandbytes/functional.py, get_4bit_type */
export const fp4: Numeric = { id: 'fp4', bits: 4, lo: -1, hi: 1, values: [...SIZES, ...SIZES.map((size) => (size === 0 ? 0 : -size))] };
