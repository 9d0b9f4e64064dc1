interface Rectangles {
  readonly outputs: number;
  readonly inputs: number;
  /** Outputs and inputs that share a scale. */
  readonly square: readonly [number, number];
}

/** Scales of rectangles as scales of blocks of every row. */
export function spreadScales(values: Float32Array, { outputs, inputs, square: [rows, columns] }: Rectangles): Float32Array {
  const blocks = Math.ceil(inputs / columns);
  const spread = new Float32Array(outputs * blocks);
  for (let row = 0; row < outputs; row++) {
    const from = Math.floor(row / rows) * blocks;
    spread.set(values.subarray(from, from + blocks), row * blocks);
  }
  return spread;
}
