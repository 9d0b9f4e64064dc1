import fc from 'fast-check';
import { expect, it } from 'vitest';
import { toHalfPrecision } from '../../src/core/half.ts';
import { scaleUnit } from '../../src/core/scale-unit.ts';

const scales = fc.array(fc.double({ min: 1e-9, max: 1, noNaN: true }), { minLength: 1, maxLength: 20 });

it('keeps eleven bits of every scale down to 2^-28 of the largest, at whatever magnitude', () => {
  fc.assert(
    fc.property(scales, fc.integer({ min: -60, max: 60 }), (relative, exponent) => {
      const values = Float32Array.from(relative, (value) => value * 2 ** exponent);
      const largest = Math.max(...values);
      const unit = scaleUnit(largest);
      for (const value of values) {
        if (value < largest * 2 ** -28) continue;
        const stored = toHalfPrecision(value / unit) * unit;
        expect(Math.abs(stored - value)).toBeLessThanOrEqual(value * 2 ** -11);
      }
    }),
  );
});

it('is 1 where there is nothing to scale', () => {
  expect(scaleUnit(0)).toBe(1);
});
