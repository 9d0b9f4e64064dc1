import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fromBfloat16, halfBits, halfValue, toHalfPrecision } from '../../src/core/half.ts';

it('every half value survives the way there and back', () => {
  for (let bits = 0; bits < 65536; bits++) {
    const value = halfValue(bits);
    if (Number.isNaN(value)) expect(halfBits(value) & 0x7fff).toBeGreaterThan(0x7c00);
    else expect(halfBits(value)).toBe(bits);
  }
});

it('rounds to the nearest half, ties to even', () => {
  fc.assert(
    fc.property(fc.float({ min: -70000, max: 70000, noNaN: true }), (value) => {
      const bits = halfBits(value);
      const chosen = halfValue(bits);
      if (Math.abs(value) >= 65520) {
        expect(Math.abs(chosen)).toBe(Number.POSITIVE_INFINITY);
        return;
      }
      for (const neighbour of [bits - 1, bits + 1]) {
        const other = halfValue(neighbour & 0xffff);
        if (!Number.isFinite(other) || other * value < 0 || other === chosen) continue;
        const [near, far] = [Math.abs(value - chosen), Math.abs(value - other)];
        expect(near < far || (near === far && bits % 2 === 0)).toBe(true);
      }
    }),
    { numRuns: 2000 },
  );
});

it('knows the corners', () => {
  expect(toHalfPrecision(65504)).toBe(65504);
  expect(toHalfPrecision(65519.9)).toBe(65504);
  expect(toHalfPrecision(65520)).toBe(Number.POSITIVE_INFINITY);
  expect(toHalfPrecision(2 ** -24)).toBe(2 ** -24);
  expect(toHalfPrecision(2 ** -25)).toBe(0);
  expect(Object.is(toHalfPrecision(-0), -0)).toBe(true);
});

it('widens bfloat16 by shifting', () => {
  expect([...fromBfloat16(Uint16Array.of(0x3f80, 0xc000, 0x7f80))]).toEqual([1, -2, Number.POSITIVE_INFINITY]);
});
