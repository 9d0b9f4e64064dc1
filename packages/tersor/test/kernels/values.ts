import fc from 'fast-check';

/** Every kind of float, not-a-number and infinities among them. NaN is the one without sign or payload, which JavaScript does not keep. */
export const anyFloats = fc.array(fc.float(), { maxLength: 300 }).map((values) => Float32Array.from(values));

const SPECIAL = [0, -0, 2 ** -149, -(2 ** -140), 2 ** -126, 3.4028234663852886e38, -3.4028234663852886e38, 65504, 65520, 1e-8, 0.5, 1, -8];

/** Finite weights as layers have them (bell-shaped, some of them huge or tiny), with special values strewn in. */
export function weights(count: number): fc.Arbitrary<Float32Array> {
  return fc
    .record({
      seed: fc.integer({ min: 1, max: 2 ** 31 }),
      exponent: fc.oneof(fc.constant(-4), fc.integer({ min: -148, max: 124 })),
      shift: fc.constantFrom(0, 0, 1, -3),
      special: fc.oneof(fc.constant([]), fc.array(fc.tuple(fc.nat(count - 1), fc.constantFrom(...SPECIAL)), { maxLength: 8 })),
      any: fc.oneof(
        { arbitrary: fc.constant([]), weight: 4 },
        fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { maxLength: count }),
      ),
    })
    .map(({ seed, exponent, shift, special, any }) => {
      const values = gaussian(count, seed).map((value) => (value + shift) * 2 ** exponent);
      for (const [at, value] of special) values[at] = value;
      values.set(any);
      return values;
    });
}

/** Bell-shaped values of variance 1, the same ones for the same seed. */
export function gaussian(count: number, seed: number): Float32Array {
  let state = seed >>> 0 || 1;
  const uniform = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  return Float32Array.from({ length: count }, () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()));
}
