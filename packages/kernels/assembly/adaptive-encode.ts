// Adaptive binary arithmetic coding, the way in. Twin of kernels/reference/adaptive.ts.
import { beginContexts, learn, middle, probabilityAt } from './adaptive';

/** Stops when `limit` bytes are written. @returns where the bytes end; behind `limit` when they do not fit */
export function encodeAdaptive(symbols: usize, count: i32, contexts: usize, contextCount: i32, classes: usize, output: usize, limit: usize): usize {
  beginContexts(contexts, contextCount);
  let low: u32 = 0, high: u32 = 0xffffffff;
  for (let i: i32 = 0; i < count && output <= limit; i++) {
    const context = classes == 0 ? contexts : contexts + (<usize>load<u8>(classes + i) << 10);
    const symbol = <u32>load<u8>(symbols + i) | 256;
    for (let shift: i32 = 7; shift >= 0; shift--) {
      const place = context + (<usize>(symbol >> (shift + 1)) << 2);
      const bit = <i32>(symbol >> shift) & 1;
      const part = middle(low, high, probabilityAt(place));
      if (bit) high = part;
      else low = part + 1;
      learn(place, bit);
      while (((low ^ high) & 0xff000000) == 0) {
        store<u8>(output++, <u8>(high >> 24));
        low <<= 8;
        high = (high << 8) | 255;
      }
    }
  }
  for (let i = 0; i < 4; i++) store<u8>(output++, <u8>(high >> (24 - 8 * i)));
  return output;
}
