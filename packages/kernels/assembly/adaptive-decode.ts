// Adaptive binary arithmetic coding, the way out. Twin of kernels/reference/adaptive.ts.
import { beginContexts, learn, middle, probabilityAt } from './adaptive';

// @ts-ignore: decorator
@inline
function byteAt(at: usize, end: usize): u32 {
  return at < end ? <u32>load<u8>(at) : 0;
}

/** @returns where the bytes ended that were read; behind `end` when there were too few */
export function decodeAdaptive(from: usize, end: usize, count: i32, contexts: usize, contextCount: i32, classes: usize, output: usize): usize {
  beginContexts(contexts, contextCount);
  let low: u32 = 0, high: u32 = 0xffffffff, code: u32 = 0;
  for (let i = 0; i < 4; i++) code = (code << 8) | byteAt(from++, end);
  for (let i: i32 = 0; i < count; i++) {
    const context = classes == 0 ? contexts : contexts + (<usize>load<u8>(classes + i) << 10);
    let node: u32 = 1;
    while (node < 256) {
      const place = context + (<usize>node << 2);
      const part = middle(low, high, probabilityAt(place));
      const bit = <i32>(code <= part);
      if (bit) high = part;
      else low = part + 1;
      learn(place, bit);
      node = (node << 1) | bit;
      while (((low ^ high) & 0xff000000) == 0) {
        low <<= 8;
        high = (high << 8) | 255;
        code = (code << 8) | byteAt(from++, end);
      }
    }
    store<u8>(output + i, <u8>node);
  }
  return from;
}
