/**
 * Elements of `width` bytes, taken apart: plane k has byte k of each. Floats are turned left by one bit first: the exponent then fills the highest plane, and the
 * sign is the lowest bit of the lowest.
 */
export function splitPlanes(bytes: Uint8Array, width: number, turned: boolean): Uint8Array[] {
  const count = bytes.length / width;
  const planes = Array.from({ length: width }, () => new Uint8Array(count));
  for (let i = 0; i < count; i++) {
    let element = 0n;
    for (let k = width - 1; k >= 0; k--) element = (element << 8n) | BigInt(bytes[i * width + k]!);
    if (turned) element = (element << 1n) | (element >> BigInt(width * 8 - 1));
    planes.forEach((plane, k) => {
      plane[i] = Number((element >> BigInt(8 * k)) & 255n);
    });
  }
  return planes;
}
