/** Codes of 2 or 4 bits, low bits of a byte first; the last byte is filled with zeros. Higher bits of a code are dropped. */
export function pack(codes: Uint8Array, bits: 2 | 4): Uint8Array {
  const perByte = 8 / bits;
  const bytes = new Uint8Array(Math.ceil(codes.length / perByte));
  codes.forEach((code, i) => {
    bytes[Math.floor(i / perByte)]! |= (code & (2 ** bits - 1)) << ((i % perByte) * bits);
  });
  return bytes;
}

/** The first `count` codes of `bytes`. */
export function unpack(bytes: Uint8Array, bits: 2 | 4, count: number): Uint8Array {
  const perByte = 8 / bits;
  return Uint8Array.from({ length: count }, (_, i) => (bytes[Math.floor(i / perByte)]! >> ((i % perByte) * bits)) & (2 ** bits - 1));
}
