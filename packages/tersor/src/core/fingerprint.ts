/** Tells arrays apart that are not made to be confused: 64 bits of two multiplicative hashes over the elements' bits. */
export function fingerprint(values: Float32Array | Float64Array): string {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.byteLength / 4);
  let [a, b] = [2166136261, 0x9e3779b9];
  for (const word of words) {
    a = Math.imul(a ^ word, 16777619);
    b = Math.imul((b ^ word) >>> 0, 0x85ebca6b) ^ (b >>> 15);
  }
  return `${values.length} ${a >>> 0} ${b >>> 0}`;
}
