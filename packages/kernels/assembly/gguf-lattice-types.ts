// GGUF's types whose values are entries of a table. Twins of kernels/reference/ggml/lattices.ts.
import { CODES, DOWN, ENTRIES, KEPT, searchBlock, setType, SIGNS } from './gguf-lattices';

// @ts-ignore: decorator
@inline
function entryAt(i: usize): i32 {
  return load<u16>(KEPT + ENTRIES + (i << 1));
}

// @ts-ignore: decorator
@inline
function codeAt(j: usize): i32 {
  return load<u8>(KEPT + CODES + j);
}

/** Codes of 4 bits, `count` of them. */
function putCodes(out: usize, count: usize): void {
  for (let j: usize = 0; j < count; j += 2) store<u8>(out + (j >> 1), codeAt(j) | (codeAt(j + 1) << 4));
}

/** Signs of four times 8 values in 7 bits each, and the code of the scale. */
// @ts-ignore: decorator
@inline
function sevenBits(j: usize): i32 {
  let bits = codeAt(j) << 28;
  for (let i: usize = 0; i < 4; i++) bits |= (<i32>load<u8>(KEPT + SIGNS + (j << 2) + i) & 127) << (<i32>i * 7);
  return bits;
}

export function quantizeIQ2_XXS(values: usize, blocks: i32, out: usize, isBest: bool, importance: usize, table: usize): void {
  setType(table, 8, 32, 0.125, 0.25, 16, true, true, 0);
  for (; blocks > 0; blocks--) {
    store<u16>(out, searchBlock(values, importance, isBest));
    for (let j: usize = 0; j < 8; j++) {
      for (let i: usize = 0; i < 4; i++) store<u8>(out + (j << 3) + i, entryAt((j << 2) + i), 2);
      store<u32>(out + (j << 3), sevenBits(j), 6);
    }
    values += 1024;
    out += 66;
    if (importance != 0) importance += 1024;
  }
}

export function quantizeIQ2_XS(values: usize, blocks: i32, out: usize, isBest: bool, importance: usize, table: usize): void {
  setType(table, 8, 16, 0.125, 0.25, 16, true, true, 0);
  for (; blocks > 0; blocks--) {
    store<u16>(out, searchBlock(values, importance, isBest));
    for (let i: usize = 0; i < 32; i++) store<u16>(out + (i << 1), entryAt(i) | ((<i32>load<u8>(KEPT + SIGNS + i) & 127) << 9), 2);
    putCodes(out + 66, 16);
    values += 1024;
    out += 74;
    if (importance != 0) importance += 1024;
  }
}

export function quantizeIQ2_S(values: usize, blocks: i32, out: usize, isBest: bool, importance: usize, table: usize): void {
  setType(table, 8, 16, 0.125, 0.25, 16, false, true, 0);
  for (; blocks > 0; blocks--) {
    store<u16>(out, searchBlock(values, importance, isBest));
    memory.copy(out + 34, KEPT + SIGNS, 32);
    memory.fill(out + 66, 0, 8);
    for (let i: usize = 0; i < 32; i++) {
      store<u8>(out + i, entryAt(i), 2);
      store<u8>(out + (i >> 2), load<u8>(out + (i >> 2), 66) | ((entryAt(i) >> 8) << ((<i32>i & 3) * 2)), 66);
    }
    putCodes(out + 74, 16);
    values += 1024;
    out += 82;
    if (importance != 0) importance += 1024;
  }
}

export function quantizeIQ3_XXS(values: usize, blocks: i32, out: usize, isBest: bool, importance: usize, table: usize): void {
  setType(table, 4, 32, 0.25, 0.5, 16, true, true, 0);
  for (; blocks > 0; blocks--) {
    store<u16>(out, searchBlock(values, importance, isBest));
    for (let i: usize = 0; i < 64; i++) store<u8>(out + i, entryAt(i), 2);
    for (let j: usize = 0; j < 8; j++) store<u32>(out + (j << 2), sevenBits(j), 66);
    values += 1024;
    out += 98;
    if (importance != 0) importance += 1024;
  }
}

export function quantizeIQ3_S(values: usize, blocks: i32, out: usize, isBest: bool, importance: usize, table: usize): void {
  setType(table, 4, 32, 1, 2, 16, false, true, 0);
  for (; blocks > 0; blocks--) {
    store<u16>(out, searchBlock(values, importance, isBest));
    memory.copy(out + 74, KEPT + SIGNS, 32);
    memory.fill(out + 66, 0, 8);
    for (let i: usize = 0; i < 64; i++) {
      store<u8>(out + i, entryAt(i), 2);
      store<u8>(out + (i >> 3), load<u8>(out + (i >> 3), 66) | ((entryAt(i) >> 8) << (<i32>i & 7)), 66);
    }
    putCodes(out + 106, 8);
    values += 1024;
    out += 110;
    if (importance != 0) importance += 1024;
  }
}

export function quantizeIQ1_S(values: usize, blocks: i32, out: usize, isBest: bool, importance: usize, table: usize): void {
  setType(table, 8, 32, 1, 2, 8, false, false, 1);
  for (; blocks > 0; blocks--) {
    store<u16>(out, searchBlock(values, importance, isBest));
    for (let j: usize = 0; j < 8; j++) {
      let bits = (codeAt(j) << 12) | (<i32>load<u8>(KEPT + DOWN + (j << 2)) << 15);
      for (let i: usize = 0; i < 4; i++) {
        store<u8>(out + (j << 2) + i, entryAt((j << 2) + i), 2);
        bits |= (entryAt((j << 2) + i) >> 8) << (<i32>i * 3);
      }
      store<u16>(out + (j << 1), bits, 34);
    }
    values += 1024;
    out += 50;
    if (importance != 0) importance += 1024;
  }
}

export function quantizeIQ1_M(values: usize, blocks: i32, out: usize, isBest: bool, importance: usize, table: usize): void {
  setType(table, 8, 16, 1, 2, 8, false, false, 2);
  for (; blocks > 0; blocks--) {
    const shared = searchBlock(values, importance, isBest);
    memory.fill(out + 32, 0, 16);
    for (let i: usize = 0; i < 32; i++) {
      store<u8>(out + i, entryAt(i));
      const high = (entryAt(i) >> 8) | (<i32>load<u8>(KEPT + DOWN + i) << 3);
      store<u8>(out + (i >> 1), load<u8>(out + (i >> 1), 32) | (high << ((<i32>i & 1) * 4)), 32);
    }
    for (let four: usize = 0; four < 4; four++) {
      let bits = ((shared >> (<i32>four * 4)) & 15) << 12;
      for (let i: usize = 0; i < 4; i++) bits |= codeAt((four << 2) + i) << (<i32>i * 3);
      store<u16>(out + (four << 1), bits, 48);
    }
    values += 1024;
    out += 56;
    if (importance != 0) importance += 1024;
  }
}
