// Which weights to keep, by |value| * norm of the column. Twin of kernels/reference/mask.ts.

// @ts-ignore: decorator
@inline
function score(values: usize, norms: usize): v128 {
  return f32x4.mul(f32x4.abs(v128.load(values)), v128.load(norms));
}

/** Sixteen values: four groups turned so that the lanes are groups; each counts how many of its group beat it. */
// @ts-ignore: decorator
@inline
function fourGroups(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = v128.shuffle<u32>(a, b, 0, 4, 1, 5), cd = v128.shuffle<u32>(c, d, 0, 4, 1, 5);
  const ef = v128.shuffle<u32>(a, b, 2, 6, 3, 7), gh = v128.shuffle<u32>(c, d, 2, 6, 3, 7);
  const s0 = v128.shuffle<u64>(ab, cd, 0, 2), s1 = v128.shuffle<u64>(ab, cd, 1, 3);
  const s2 = v128.shuffle<u64>(ef, gh, 0, 2), s3 = v128.shuffle<u64>(ef, gh, 1, 3);
  // -1 where the earlier one wins.
  const w01 = f32x4.ge(s0, s1), w02 = f32x4.ge(s0, s2), w03 = f32x4.ge(s0, s3);
  const w12 = f32x4.ge(s1, s2), w13 = f32x4.ge(s1, s3), w23 = f32x4.ge(s2, s3);
  // A value is kept when it wins at least two of its three comparisons; losses of the earlier one are wins of the later one.
  const k0 = twoOfThree(w01, w02, w03);
  const k1 = twoOfThree(v128.not(w01), w12, w13);
  const k2 = twoOfThree(v128.not(w02), v128.not(w12), w23);
  const k3 = twoOfThree(v128.not(w03), v128.not(w13), v128.not(w23));
  // Lanes are 0 or -1: put one byte of each where its value was.
  const low = v128.or(v128.and(k0, i32x4.splat(1)), v128.and(k1, i32x4.splat(0x100)));
  const high = v128.or(v128.and(k2, i32x4.splat(0x10000)), v128.and(k3, i32x4.splat(0x1000000)));
  return v128.or(low, high);
}

// @ts-ignore: decorator
@inline
function twoOfThree(a: v128, b: v128, c: v128): v128 {
  return v128.or(v128.and(a, v128.or(b, c)), v128.and(b, c));
}

/** `columns` is a multiple of 4. */
export function maskTwoOfFour(values: usize, rows: i32, columns: i32, norms: usize, mask: usize): void {
  for (let row = 0; row < rows; row++) {
    let at = norms;
    const end = norms + (<usize>columns << 2), end16 = norms + (<usize>(columns & ~15) << 2);
    for (; at < end16; at += 64) {
      v128.store(mask, fourGroups(score(values, at), score(values + 16, at + 16), score(values + 32, at + 32), score(values + 48, at + 48)));
      values += 64;
      mask += 16;
    }
    for (; at < end; at += 16) {
      const one = score(values, at);
      store<u32>(mask, i32x4.extract_lane(fourGroups(one, one, one, one), 0));
      values += 16;
      mask += 4;
    }
  }
}

const DIGIT: i32 = 7;
const BUCKETS: i32 = 128;
const COUNTS: usize = memory.data(512, 16);

/** How many scores equal the threshold, and how many of those are kept. */
let tied: i32 = 0;
let ties: i32 = 0;

/** The `keep`-th largest of `count` whole numbers below 2^`width`, digit by digit from the top. Scribbles on `numbers`. */
function select(numbers: usize, count: i32, keep: i32, width: i32): u32 {
  let found: u32 = 0;
  let shift = max(0, width - DIGIT);
  do {
    const end = numbers + (<usize>count << 2);
    memory.fill(COUNTS, 0, 512);
    for (let at = numbers; at < end; at += 4) {
      const slot = COUNTS + (<usize>((load<u32>(at) >> shift) & (BUCKETS - 1)) << 2);
      store<i32>(slot, load<i32>(slot) + 1);
    }
    let bucket = COUNTS + ((BUCKETS - 1) << 2);
    for (; load<i32>(bucket) < keep; bucket -= 4) keep -= load<i32>(bucket);
    const digit = <u32>((bucket - COUNTS) >> 2);
    // Neighbouring digits overlap where the width is no multiple of 7; their common bits agree, for only this bucket goes on.
    found |= digit << shift;
    if (shift == 0) {
      tied = load<i32>(bucket);
      ties = keep;
      break;
    }
    let out = numbers;
    for (let at = numbers; at < end; at += 4) {
      const number = load<u32>(at);
      store<u32>(out, number);
      out += <usize>(((number >> shift) & (BUCKETS - 1)) == digit) << 2;
    }
    count = <i32>((out - numbers) >> 2);
    shift = max(0, shift - DIGIT);
  } while (true);
  return found;
}

/**
 * Bits of the `keep`-th largest of `count` non-negative floats. Rows of a matrix are alike, so it is first looked for around `guess`,
 * the threshold of the row before: only what lies there has to be sorted out.
 */
function threshold(scores: usize, count: i32, keep: i32, spare: usize, guess: f32): u32 {
  const base = reinterpret<u32>(guess * <f32>0.875), top = reinterpret<u32>(guess * <f32>1.125);
  const low = i32x4.splat(base), high = i32x4.splat(top);
  let above = i32x4.splat(0);
  let out = spare;
  const end = scores + (<usize>count << 2), end16 = scores + (<usize>(count & ~15) << 2);
  let at = scores;
  for (; at < end16; at += 64) {
    const a = v128.load(at), b = v128.load(at, 16), c = v128.load(at, 32), d = v128.load(at, 48);
    const overA = i32x4.gt_s(a, high), overB = i32x4.gt_s(b, high), overC = i32x4.gt_s(c, high), overD = i32x4.gt_s(d, high);
    above = i32x4.sub(above, i32x4.add(i32x4.add(overA, overB), i32x4.add(overC, overD)));
    const near = i16x8.narrow_i32x4_s(v128.andnot(i32x4.ge_s(a, low), overA), v128.andnot(i32x4.ge_s(b, low), overB));
    const close = i16x8.narrow_i32x4_s(v128.andnot(i32x4.ge_s(c, low), overC), v128.andnot(i32x4.ge_s(d, low), overD));
    for (let mask = i8x16.bitmask(i8x16.narrow_i16x8_s(near, close)); mask; mask &= mask - 1) {
      store<u32>(out, load<u32>(at + (<usize>ctz(mask) << 2)) - base);
      out += 4;
    }
  }
  let over = i32x4.extract_lane(above, 0) + i32x4.extract_lane(above, 1) + i32x4.extract_lane(above, 2) + i32x4.extract_lane(above, 3);
  for (; at < end; at += 4) {
    const bits = load<u32>(at);
    over += <i32>(bits > top);
    store<u32>(out, bits - base);
    out += <usize>(bits >= base && bits <= top) << 2;
  }
  const candidates = <i32>((out - spare) >> 2);
  if (over < keep && keep <= over + candidates) return base + select(spare, candidates, keep - over, 32 - clz(top - base));
  memory.copy(spare, scores, <usize>count << 2);
  return select(spare, count, keep, 31);
}

/** `scratch` holds two rows of floats, each with room for four more. 0 < keep <= columns. */
export function maskRows(values: usize, rows: i32, columns: i32, norms: usize, keep: i32, scratch: usize, mask: usize): void {
  const bytes = <usize>columns << 2;
  const spare = scratch + bytes + 16;
  const bytes4 = bytes & ~15;
  let least: u32 = 0;
  for (let row = 0; row < rows; row++) {
    for (let i: usize = 0; i < bytes4; i += 16) v128.store(scratch + i, score(values + i, norms + i));
    for (let i = bytes4; i < bytes; i += 4) store<f32>(scratch + i, abs(load<f32>(values + i)) * load<f32>(norms + i));
    least = threshold(scratch, columns, keep, spare, reinterpret<f32>(least));
    if (tied == ties) keepFrom(scratch, columns, least, mask);
    else keepEarlier(scratch, columns, least, mask);
    mask += columns;
    values += bytes;
  }
}

/** Keeps everything from the threshold on. */
function keepFrom(scores: usize, count: i32, least: u32, mask: usize): void {
  const limit = i32x4.splat(least), one = i8x16.splat(1);
  let i = 0;
  for (; i + 16 <= count; i += 16) {
    const a = i32x4.ge_s(v128.load(scores), limit), b = i32x4.ge_s(v128.load(scores, 16), limit);
    const c = i32x4.ge_s(v128.load(scores, 32), limit), d = i32x4.ge_s(v128.load(scores, 48), limit);
    const kept = i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
    v128.store(mask, v128.and(kept, one));
    scores += 64;
    mask += 16;
  }
  for (; i < count; i++) {
    store<u8>(mask, <i32>(load<u32>(scores) >= least));
    scores += 4;
    mask += 1;
  }
}

/** Of the scores that equal the threshold only the first `ties` are kept. */
function keepEarlier(scores: usize, count: i32, least: u32, mask: usize): void {
  let left = ties;
  for (let i = 0; i < count; i++) {
    const bits = load<u32>(scores + (<usize>i << 2));
    const isTie = <i32>(bits == least) & <i32>(left > 0);
    left -= isTie;
    store<u8>(mask + i, <i32>(bits > least) | isTie);
  }
}
