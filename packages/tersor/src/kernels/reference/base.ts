/** How elements differ from their base: by bits, or by how many numbers lie between. */
export type Difference = 'xor' | 'difference';

/**
 * What must be added to the base: bits that differ or, of `difference`, a zigzag number (`2d` for `d ≥ 0`, `−2d − 1` otherwise), modulo the width. Floats (`turned`) are
 * counted in their order: of one float to the next the difference is 1, across zero as well.
 */
export function subtractBase(bytes: Uint8Array, base: Uint8Array, width: number, turned: boolean, how: Difference): Uint8Array {
  const bits = BigInt(8 * width);
  const top = 1n << (bits - 1n);
  const all = (1n << bits) - 1n;
  const ordered = (value: bigint) => (turned ? ((value & top) !== 0n ? ~value & all : value | top) : value);
  const residuals = new Uint8Array(bytes.length);
  for (let at = 0; at < bytes.length; at += width) {
    const [value, from] = [elementAt(bytes, at, width), elementAt(base, at, width)];
    let residual = value ^ from;
    if (how === 'difference') {
      const difference = BigInt.asIntN(8 * width, ordered(value) - ordered(from));
      residual = (difference < 0n ? -2n * difference - 1n : 2n * difference) & all;
    }
    for (let k = 0; k < width; k++) residuals[at + k] = Number((residual >> BigInt(8 * k)) & 255n);
  }
  return residuals;
}

/** The way back. */
export function addBase(residuals: Uint8Array, base: Uint8Array, width: number, turned: boolean, how: Difference): Uint8Array {
  const bits = BigInt(8 * width);
  const top = 1n << (bits - 1n);
  const all = (1n << bits) - 1n;
  const bytes = new Uint8Array(residuals.length);
  for (let at = 0; at < bytes.length; at += width) {
    const [residual, from] = [elementAt(residuals, at, width), elementAt(base, at, width)];
    let value = residual ^ from;
    if (how === 'difference') {
      const place = turned ? ((from & top) !== 0n ? ~from & all : from | top) : from;
      const sum = (place + (residual % 2n === 0n ? residual / 2n : -(residual + 1n) / 2n)) & all;
      value = turned ? ((sum & top) !== 0n ? sum ^ top : ~sum & all) : sum;
    }
    for (let k = 0; k < width; k++) bytes[at + k] = Number((value >> BigInt(8 * k)) & 255n);
  }
  return bytes;
}

/** The highest byte of each element; of turned ones, after turning left by one bit. */
export function highestBytes(bytes: Uint8Array, width: number, turned: boolean): Uint8Array {
  return Uint8Array.from({ length: bytes.length / width }, (_, i) => {
    const last = (i + 1) * width - 1;
    return turned ? ((bytes[last]! << 1) | (bytes[last - 1]! >> 7)) & 255 : bytes[last]!;
  });
}

function elementAt(bytes: Uint8Array, at: number, width: number): bigint {
  let element = 0n;
  for (let k = width - 1; k >= 0; k--) element = (element << 8n) | BigInt(bytes[at + k]!);
  return element;
}
