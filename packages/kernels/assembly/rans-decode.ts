// Interleaved range coding, decoded 16 lanes at a time. Twin of kernels/reference/rans.ts.

const LANES: i32 = 16;
const SLOT_MASK: u32 = 4095;
/** Bytes of one table: a word for each of 4096 slots. */
const TABLE_BYTES: i32 = 16384;

/** For each set of lanes that want a word: which bytes of the next 8 each lane takes. 0x80 gives zero. */
const SHUFFLES = memory.data(256, 16);
const NO_CLASSES = memory.data(16, 16);
let hasShuffles = false;

function fillShuffles(): void {
  for (let mask: i32 = 0; mask < 16; mask++) {
    let word: i32 = 0;
    for (let lane: i32 = 0; lane < 4; lane++) {
      const at = SHUFFLES + <usize>(mask * 16 + lane * 4);
      if ((mask >> lane) & 1) {
        store<u32>(at, 0x80800000 | (word * 2) | ((word * 2 + 1) << 8));
        word++;
      } else store<u32>(at, 0x80808080);
    }
  }
  hasShuffles = true;
}

/** The table of one distribution: `frequencies` are 256 halfwords with the sum 4096, each below it. Symbol, frequency and place in its run, per slot. */
export function buildTable(frequencies: usize, table: usize): void {
  let slot = table;
  for (let symbol: u32 = 0; symbol < 256; symbol++) {
    const frequency: u32 = load<u16>(frequencies + (<usize>symbol << 1));
    const entry = symbol | (frequency << 8);
    for (let i: u32 = 0; i < frequency; i++) {
      store<u32>(slot, entry | (i << 20));
      slot += 4;
    }
  }
}

// @ts-ignore: decorator
@inline
function entriesAt(offsets: v128, table: usize): v128 {
  const low = i64x2.extract_lane(offsets, 0);
  const high = i64x2.extract_lane(offsets, 1);
  let entries = v128.load32_zero(table + <usize>(<u32>low));
  entries = v128.load_lane<u32>(table + <usize>(low >> 32), entries, 1);
  entries = v128.load_lane<u32>(table + <usize>(<u32>high), entries, 2);
  return v128.load_lane<u32>(table + <usize>(high >> 32), entries, 3);
}

// @ts-ignore: decorator
@inline
function advanced(states: v128, entries: v128): v128 {
  const frequency = v128.and(i32x4.shr_u(entries, 8), i32x4.splat(SLOT_MASK));
  return i32x4.add(i32x4.mul(frequency, i32x4.shr_u(states, 12)), i32x4.shr_u(entries, 20));
}

// @ts-ignore: decorator
@inline
function hungry(states: v128): v128 {
  return i32x4.eq(i32x4.shr_u(states, 16), i32x4.splat(0));
}

// @ts-ignore: decorator
@inline
function fed(states: v128, isHungry: v128, mask: i32, words: usize): v128 {
  const next = i8x16.swizzle(v128.load64_zero(words), v128.load(SHUFFLES + (<usize>mask << 4)));
  return v128.bitselect(v128.or(i32x4.shl(states, 16), next), states, isHungry);
}

// @ts-ignore: decorator
@inline
function slotOffsets(states: v128): v128 {
  return i32x4.shl(v128.and(states, i32x4.splat(SLOT_MASK)), 2);
}

/**
 * Decodes `count` symbols. `words` are 16 states and then the words; 32 more bytes behind `end` can be read.
 * `classes` names the table of each symbol; 0: all have the first.
 * @returns where the words ended, 0 when they do not fit
 */
export function decodeRans(words: usize, end: usize, count: i32, tables: usize, classes: usize, output: usize): usize {
  if (!hasShuffles) fillShuffles();
  if (words + 64 > end) return 0;
  let a = v128.load(words), b = v128.load(words, 16), c = v128.load(words, 32), d = v128.load(words, 48);
  let at = words + 64;
  const whole = count & ~(LANES - 1);
  const stop = output + <usize>whole;
  const byte = i32x4.splat(255);
  // without classes sixteen zeros are read again and again
  let at16 = classes == 0 ? NO_CLASSES : classes;
  const step: usize = classes == 0 ? 0 : 16;
  for (; output < stop; output += 16) {
    const sixteen = v128.load(at16);
    at16 += step;
    const low = i16x8.extend_low_i8x16_u(sixteen), high = i16x8.extend_high_i8x16_u(sixteen);
    const ea = entriesAt(v128.or(slotOffsets(a), i32x4.shl(i32x4.extend_low_i16x8_u(low), 14)), tables);
    const eb = entriesAt(v128.or(slotOffsets(b), i32x4.shl(i32x4.extend_high_i16x8_u(low), 14)), tables);
    const ec = entriesAt(v128.or(slotOffsets(c), i32x4.shl(i32x4.extend_low_i16x8_u(high), 14)), tables);
    const ed = entriesAt(v128.or(slotOffsets(d), i32x4.shl(i32x4.extend_high_i16x8_u(high), 14)), tables);
    v128.store(output, i8x16.narrow_i16x8_u(
      i16x8.narrow_i32x4_u(v128.and(ea, byte), v128.and(eb, byte)),
      i16x8.narrow_i32x4_u(v128.and(ec, byte), v128.and(ed, byte))));
    a = advanced(a, ea); b = advanced(b, eb); c = advanced(c, ec); d = advanced(d, ed);
    const ha = hungry(a), hb = hungry(b), hc = hungry(c), hd = hungry(d);
    const ma = i32x4.bitmask(ha), mb = i32x4.bitmask(hb), mc = i32x4.bitmask(hc), md = i32x4.bitmask(hd);
    if (at > end) return 0;
    const atB = at + (<usize>popcnt(ma) << 1), atC = atB + (<usize>popcnt(mb) << 1), atD = atC + (<usize>popcnt(mc) << 1);
    a = fed(a, ha, ma, at); b = fed(b, hb, mb, atB); c = fed(c, hc, mc, atC); d = fed(d, hd, md, atD);
    at = atD + (<usize>popcnt(md) << 1);
  }
  return finish(a, b, c, d, at, end, words, count - whole, tables, classes == 0 ? 0 : classes + <usize>whole, output);
}

/** The symbols behind the last whole sixteen; and whether every lane ends where its encoder began. */
function finish(a: v128, b: v128, c: v128, d: v128, at: usize, end: usize, states: usize, rest: i32, tables: usize, classes: usize, output: usize): usize {
  v128.store(states, a);
  v128.store(states, b, 16);
  v128.store(states, c, 32);
  v128.store(states, d, 48);
  for (let lane: i32 = 0; lane < rest; lane++) {
    const place = states + (<usize>lane << 2);
    const state = load<u32>(place);
    const table = classes == 0 ? tables : tables + <usize>load<u8>(classes + lane) * TABLE_BYTES;
    const entry = load<u32>(table + (<usize>(state & SLOT_MASK) << 2));
    store<u8>(output + lane, <u8>entry);
    let next = ((entry >> 8) & SLOT_MASK) * (state >> 12) + (entry >> 20);
    if (next < 65536) {
      if (at + 2 > end) return 0;
      next = (next << 16) | load<u16>(at);
      at += 2;
    }
    store<u32>(place, next);
  }
  for (let lane: i32 = 0; lane < LANES; lane++) if (load<u32>(states + (<usize>lane << 2)) != 65536) return 0;
  return at > end ? 0 : at;
}
