/**
 * Floats of 8 bits: every code with its value.
 * Source: OCP 8-bit Floating Point Specification 1.0, https://www.opencompute.org/documents/ocp-8-bit-floating-point-specification-ofp8-revision-1-0-2023-12-01-pdf-1
 */
interface Float8 {
  readonly id: string;
  readonly bits: 8;
  readonly lo: number;
  readonly hi: number;
  readonly values: readonly number[];
}

/** Three bits of fraction, no infinities. */
export const e4m3 = float8('e4m3', { exponent: 4, fraction: 3, hi: 448, isNone: (code) => (code & 0x7f) === 0x7f });

/** Two bits of fraction, and all that halves have. */
export const e5m2 = float8('e5m2', { exponent: 5, fraction: 2, hi: 57_344, isNone: (code) => (code & 0x7f) > 0x7c });

interface Parts {
  readonly exponent: number;
  readonly fraction: number;
  readonly hi: number;
  readonly isNone: (code: number) => boolean;
}

function float8(id: string, { exponent, fraction, hi, isNone }: Parts): Float8 {
  const bias = 2 ** (exponent - 1) - 1;
  const values = Array.from({ length: 256 }, (_, code) => {
    if (isNone(code)) return Number.NaN;
    const sign = code >= 128 ? -1 : 1;
    const [power, part] = [(code & 0x7f) >> fraction, (code & (2 ** fraction - 1)) / 2 ** fraction];
    const value = sign * (power === 0 ? part * 2 ** (1 - bias) : (1 + part) * 2 ** (power - bias));
    return Math.abs(value) > hi ? sign * Number.POSITIVE_INFINITY : value;
  });
  return { id, bits: 8, lo: -hi, hi, values };
}
