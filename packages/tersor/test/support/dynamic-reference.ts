const { fround } = Math;

/** What DynamicQuantizeLinear makes of `values`, as the floats that its codes stand for: 8 bits from the smallest to the largest value, zero included. */
export function roundActivations(values: Float32Array): Float32Array {
  const [low, high] = values.reduce(([least, most], value) => [Math.min(least, value), Math.max(most, value)], [0, 0]);
  const scale = fround(fround(high - low) / 255);
  if (scale === 0) return values;
  const zero = Math.min(255, Math.max(0, nearest(fround(-low / scale))));
  return values.map((value) => (Math.min(255, Math.max(0, nearest(fround(value / scale)) + zero)) - zero) * scale);
}

/** Ties to even. */
function nearest(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/** `[rows, inputs] x [inputs, outputs]` in double precision. */
export function product(values: Float32Array, weight: Float32Array, inputs: number, outputs: number): Float64Array {
  const result = new Float64Array((values.length / inputs) * outputs);
  for (let row = 0; row < values.length / inputs; row++) {
    for (let k = 0; k < inputs; k++) {
      const value = values[row * inputs + k]!;
      for (let n = 0; n < outputs; n++) result[row * outputs + n]! += value * weight[k * outputs + n]!;
    }
  }
  return result;
}
