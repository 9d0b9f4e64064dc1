// What both directions of the coder of levels share: how each decision is foreseen. Twin of kernels/reference/levels.ts, which says what is meant.

/** Words of a node: a probability of a one in 65536ths, and how often it was met. */
const NODES: usize = 64;
const CONTEXT_BYTES: usize = NODES << 2;
const SIGN_CONTEXTS: usize = 27;
const LOCAL: usize = 64 * 2 * CONTEXT_BYTES;
const LINES: usize = 32 * 32 * 2 * CONTEXT_BYTES;
const NEAR: usize = 16 * 8 * 8 * 2 * CONTEXT_BYTES;
const SIGNS: usize = 3 * SIGN_CONTEXTS << 2;
/** Nodes that weights are learned for: those of a context, and the sign. */
const WEIGHTS: usize = (NODES + 1) * 12;
/** All of it, with two words a place of a line behind it: 1,246,000 bytes. */

const LEAST: i32 = 32;
const MOST_MET: i32 = 255;
const FIRST_WEIGHT: i32 = 21845;
const RATES = memory.data(512, 16);
/** By position on the line from -2047 to 2047. */
const SQUASHED = memory.data(8192, 16);
/** By probability in 4096ths. */
const STRETCHED = memory.data(8192, 16);
/** 65536 / (1 + exp(-x)) for x from -8 to 8 in halves. */
const CURVE = memory.data<i32>([
  22, 36, 60, 98, 162, 267, 439, 720, 1179, 1921, 3108, 4971, 7812, 11955, 17625, 24743, 32768,
  40793, 47911, 53581, 57724, 60565, 62428, 63615, 64357, 64816, 65097, 65269, 65374, 65438, 65476, 65500, 65514,
]);
/** The state behind a level, by the state before it and whether its number is odd. */
const NEXT = memory.data<u8>([0, 2, 5, 7, 1, 3, 6, 4, 2, 0, 4, 6, 3, 1, 7, 5]);
let isReady = false;

function fillTables(): void {
  for (let met: i32 = 0; met <= MOST_MET; met++) store<u16>(RATES + (<usize>met << 1), <u16>(131072 / (2 * met + 3)));
  let least: i32 = 0;
  for (let x: i32 = -2047; x <= 2047; x++) {
    const at = x + 2048, part = at & 127;
    const from = CURVE + (<usize>(at >> 7) << 2);
    const value = (load<i32>(from) * (128 - part) + load<i32>(from, 4) * part) >> 7;
    store<u16>(SQUASHED + (<usize>at << 1), <u16>value);
    for (; least <= value >> 4; least++) store<i16>(STRETCHED + (<usize>least << 1), <i16>x);
  }
  for (; least < 4096; least++) store<i16>(STRETCHED + (<usize>least << 1), 2047);
  isReady = true;
}

// What the decision at hand is foreseen by.
let first: usize = 0, second: usize = 0, third: usize = 0, weights: usize = 0;
let a: i32 = 0, b: i32 = 0, c: i32 = 0, mixed: i32 = 0;

// @ts-ignore: decorator
@inline
function stretched(node: usize): i32 {
  return load<i16>(STRETCHED + (<usize>(load<u16>(node) >> 4) << 1));
}

/** The probability of a one of the three nodes together. */
// @ts-ignore: decorator
@inline
function foresee(): u32 {
  a = stretched(first);
  b = stretched(second);
  c = stretched(third);
  const sum = <i32>((<i64>load<i32>(weights) * a + <i64>load<i32>(weights, 4) * b + <i64>load<i32>(weights, 8) * c) >> 16);
  mixed = load<u16>(SQUASHED + (<usize>(max(-2047, min(2047, sum)) + 2048) << 1));
  return min<u32>(65536 - LEAST, max<u32>(LEAST, mixed));
}

// @ts-ignore: decorator
@inline
function learnNode(node: usize, bit: i32): void {
  const probability = <i32>load<u16>(node), met = <i32>load<u16>(node, 2);
  const rate = <i32>load<u16>(RATES + (<usize>met << 1));
  const next = bit ? probability + <i32>((<i64>(65536 - probability) * rate) >> 16) : probability - <i32>((<i64>probability * rate) >> 16);
  store<u16>(node, <u16>min<i32>(65536 - LEAST, max<i32>(LEAST, next)));
  if (met < MOST_MET) store<u16>(node, <u16>(met + 1), 2);
}

// @ts-ignore: decorator
@inline
function learn(bit: i32): void {
  const missed = (bit << 16) - mixed;
  store<i32>(weights, load<i32>(weights) + ((missed * a + 32768) >> 16));
  store<i32>(weights, load<i32>(weights, 4) + ((missed * b + 32768) >> 16), 4);
  store<i32>(weights, load<i32>(weights, 8) + ((missed * c + 32768) >> 16), 8);
  learnNode(first, bit);
  learnNode(second, bit);
  learnNode(third, bit);
}

let low: u32 = 0, high: u32 = 0, code: u32 = 0;
let at: usize = 0, end: usize = 0;

/** Codes a decision, or finds out which it was. Bytes behind the end are read as zeros, and not written. */
// @ts-ignore: decorator
@inline
function decide(isWriting: bool, bit: i32, probability: u32): i32 {
  const range = high - low;
  const part = low + (range >> 16) * probability + (((range & 0xffff) * probability) >> 16);
  if (!isWriting) bit = <i32>(code <= part);
  if (bit) high = part;
  else low = part + 1;
  while (((low ^ high) & 0xff000000) == 0) {
    if (isWriting) {
      if (at < end) store<u8>(at, <u8>(high >> 24));
      at++;
    } else {
      code = (code << 8) | (at < end ? <u32>load<u8>(at) : 0);
      at++;
    }
    low <<= 8;
    high = (high << 8) | 255;
  }
  return bit;
}

/** A decision that is foreseen, and learned from. A function of its own: there are five places for it, and the loader is to be small. */
function foreseen(isWriting: bool, bit: i32): i32 {
  const found = decide(isWriting, bit, foresee());
  learn(found);
  return found;
}

// @ts-ignore: decorator
@inline
function modelled(isWriting: bool, bit: i32, local: usize, lines: usize, near: usize, table: usize, node: usize): i32 {
  first = local + (node << 2);
  second = lines + (node << 2);
  third = near + (node << 2);
  weights = table + node * 12;
  return foreseen(isWriting, bit);
}

/** Quarters of an octave above 1/64, of a mean magnitude in 4096ths. */
// @ts-ignore: decorator
@inline
function quarters(mean: u32): u32 {
  const value = mean + 82;
  const octave = 31 - clz<u32>(value);
  return min<u32>(63, (octave << 2) + ((value >> (octave - 2)) & 3) - 24);
}

// @ts-ignore: decorator
@inline
function signOf(value: i32): u32 {
  return value > 0 ? 1 : value < 0 ? 2 : 0;
}

/**
 * Goes through `lines` lines of `length` numbers, whose places are strides of elements apart.
 * @param model  `MODEL_BYTES`, and 8 bytes for each place of a line
 * @param isTrellis  numbers say which levels of the quantizer that a trellis chooses; otherwise they are the levels
 * @returns where the bytes end; behind `limit` when they do not fit, 0 when a level does not fit into its element
 */
// @ts-ignore: decorator
@inline
export function goThrough(
  isWriting: bool, levels: usize, width: i32, lines: i32, length: i32, lineStride: i32, stride: i32, isTrellis: i32, model: usize, from: usize, limit: usize,
): usize {
  if (!isReady) fillTables();
  const local = model, byLines = local + LOCAL, near = byLines + LINES, signs = near + NEAR, table = signs + SIGNS, places = table + WEIGHTS;
  for (let node = model; node < table; node += 4) store<u32>(node, 32768);
  for (let weight = table; weight < places; weight += 4) store<i32>(weight, FIRST_WEIGHT);
  memory.fill(places, 0, <usize>length << 3);
  low = 0;
  high = 0xffffffff;
  at = from;
  end = limit;
  if (!isWriting) for (let i = 0; i < 4; i++) {
    code = (code << 8) | (at < end ? <u32>load<u8>(at) : 0);
    at++;
  }
  const most = width == 1 ? 127 : 32767;
  let mean: i32 = 32768, seen: i32 = 0;
  for (let line: i32 = 0; line < lines; line++) {
    let along: i32 = mean >> 4, before: i32 = 0, secondBefore: i32 = 0, state: u32 = 0;
    let place = places;
    for (let i: i32 = 0; i < length; i++, place += 8) {
      const address = levels + (<usize>(line * lineStride + i * stride) << (width - 1));
      const above = <i32>load<i16>(place, 4), met = <i32>load<u16>(place, 6);
      const across = met ? load<i32>(place) : mean >> 4;
      const expected = <u32>min<u64>(0xfffffff, <u64>along * <u64>across / <u64>((mean >> 4) + 1));
      const quantizer = isTrellis ? state & 1 : 0;
      const scale = quarters(expected);
      const inLocal = local + (<usize>(scale << 1 | quantizer)) * CONTEXT_BYTES;
      const inLines = byLines + (<usize>((quarters(along) >> 1 << 5 | quarters(across) >> 1) << 1 | quantizer)) * CONTEXT_BYTES;
      const around = (scale >> 2 << 3 | <u32>min(7, abs(before))) << 3 | <u32>min(7, abs(above));
      const inNear = near + (<usize>(around << 1 | quantizer)) * CONTEXT_BYTES;
      let number: i32 = 0;
      if (isWriting) {
        const level: i32 = width == 1 ? load<i8>(address) : load<i16>(address);
        number = isTrellis ? (level < 0 ? -((quantizer - level) >> 1) : (level + quantizer) >> 1) : level;
      }
      let magnitude = abs(number);
      if (modelled(isWriting, i32(magnitude > 0), inLocal, inLines, inNear, table, 0)) {
        const l = signOf(before), s = signOf(secondBefore), u = signOf(above);
        first = signs + (<usize>(l * 9 + s * 3 + u) << 2);
        second = signs + (SIGN_CONTEXTS + <usize>(l * 3 + u) << 2);
        third = signs + (2 * SIGN_CONTEXTS + <usize>(l * 3 + s) << 2);
        weights = table + NODES * 12;
        const isNegative = foreseen(isWriting, i32(number < 0));
        const exponent = isWriting ? 31 - clz<i32>(magnitude) : 0;
        let octave: i32 = 0;
        while (octave < 15 && modelled(isWriting, i32(octave < exponent), inLocal, inLines, inNear, table, 1 + octave)) octave++;
        let value: i32 = 1;
        for (let bit = octave - 1; bit >= 0; bit--) {
          const own = (magnitude >> bit) & 1;
          const depth = octave - 1 - bit;
          const found = depth < 2
            ? modelled(isWriting, own, inLocal, inLines, inNear, table, 13 + 3 * octave + depth * value - depth)
            : decide(isWriting, own, 32768);
          value = value << 1 | found;
        }
        magnitude = value;
        number = isNegative ? -value : value;
      } else magnitude = 0;
      if (!isWriting) {
        const level = isTrellis ? (number > 0 ? 2 * number - <i32>quantizer : number < 0 ? 2 * number + <i32>quantizer : 0) : number;
        if (level > most || level < -most - 1) return 0;
        if (width == 1) store<i8>(address, <i8>level);
        else store<i16>(address, <i16>level);
      }
      const known = min(magnitude, 16384);
      along += ((known << 12) - along) / min(50, i + 3);
      store<i32>(place, met ? across + ((known << 12) - across) / min(50, met + 3) : ((known << 12) + 2 * across) / 3);
      store<i16>(place, <i16>max(-32767, min(32767, number)), 4);
      if (met < 50) store<u16>(place, <u16>(met + 1), 6);
      mean += ((known << 16) - mean) / min(1000, ++seen + 9);
      secondBefore = before;
      before = number;
      if (isTrellis) state = load<u8>(NEXT + (state << 1 | <u32>(number & 1)));
    }
  }
  if (isWriting) for (let i = 0; i < 4; i++) {
    if (at < end) store<u8>(at, <u8>(high >> (24 - 8 * i)));
    at++;
  }
  return at;
}
