/** The largest magnitude; infinite or not a number when one of the values is. */
export function peakOf(values: Float32Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}
