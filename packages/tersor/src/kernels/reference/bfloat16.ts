/** bfloat16 bits, ties to even; NaN stays NaN. */
export function toBfloat16(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(words, (word, i) => {
    const upper = word >>> 16;
    if (Number.isNaN(values[i])) return upper | 0x40;
    return (word + 0x7fff + (upper & 1)) >>> 16;
  });
}

export function fromBfloat16(bits: Uint16Array): Float32Array {
  return new Float32Array(Uint32Array.from(bits, (b) => b * 65536).buffer);
}
