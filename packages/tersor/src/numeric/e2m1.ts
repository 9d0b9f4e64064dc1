import type { Numeric } from '../core/numeric.ts';

const SIZES = [0, 0.5, 1, 1.5, 2, 3, 4, 6];

/**
 * Floats of four bits: a sign, two bits of exponent, one of fraction.
 * Source: OCP Microscaling Formats 1.0, section 5.3.3, https://www.opencompute.org/documents/ocp-microscaling-formats-mx-v1-0-spec-final-pdf
 */
export const e2m1: Numeric = { id: 'e2m1', bits: 4, lo: -6, hi: 6, values: [...SIZES, ...SIZES.map((size) => -size)] };
