import type { Numeric } from '../core/numeric.ts';

/** Whole numbers of two's complement: -2^(bits-1) .. 2^(bits-1) - 1. */
export function int(bits: number): Numeric {
  const half = 2 ** (bits - 1);
  return { id: `int${bits}`, bits, lo: -half, hi: half - 1 };
}
