// GGUF's Q4_K, byte for byte that of ggml's reference quantizer. Twin of kernels/reference/ggml/k-quants-with-minimum.ts.
import { halfBits } from './gguf';

const Q4_K_BYTES: usize = 144;
/** The super-block with 8 sub-blocks side by side: element l of sub-blocks 0..7 at l * 32. The same for their weights. */
const TURNED: usize = memory.data(1024, 16);
const WEIGHTS: usize = memory.data(1024, 16);
/** Per sub-block: scale, minimum (as a positive number), and the search's own start and inverse scale, from which its codes follow. */
const SCALES: usize = memory.data(32, 16);
const MINS: usize = memory.data(32, 16);
const STARTS: usize = memory.data(32, 16);
const INVERSES: usize = memory.data(32, 16);

/** Value of a finite half. */
function halfValue(bits: i32): f32 {
  const magnitude = bits & 0x7fff;
  const value = magnitude < 0x400 ? <f32>magnitude * <f32>5.9604644775390625e-8 : reinterpret<f32>((magnitude << 13) + 0x38000000);
  const full = magnitude < 0x7c00 ? value : f32.POSITIVE_INFINITY;
  return bits & 0x8000 ? -full : full;
}

function turn(values: usize, first: usize): void {
  const rows = values + (first << 7);
  for (let l: usize = 0; l < 32; l += 4) {
    const a = v128.load(rows + (l << 2)), b = v128.load(rows + (l << 2), 128), c = v128.load(rows + (l << 2), 256), d = v128.load(rows + (l << 2), 384);
    const ab = v128.shuffle<u32>(a, b, 0, 4, 1, 5), cd = v128.shuffle<u32>(c, d, 0, 4, 1, 5);
    const ef = v128.shuffle<u32>(a, b, 2, 6, 3, 7), gh = v128.shuffle<u32>(c, d, 2, 6, 3, 7);
    const out = TURNED + (l << 5) + (first << 2);
    v128.store(out, v128.shuffle<u64>(ab, cd, 0, 2));
    v128.store(out, v128.shuffle<u64>(ab, cd, 1, 3), 32);
    v128.store(out, v128.shuffle<u64>(ef, gh, 0, 2), 64);
    v128.store(out, v128.shuffle<u64>(ef, gh, 1, 3), 96);
  }
}

// @ts-ignore: decorator
@inline
function stepsOf(x: v128, low: v128, inverse: v128): v128 {
  const rounded = f32x4.nearest(f32x4.mul(inverse, f32x4.sub(x, low)));
  return f32x4.pmin(f32x4.pmax(rounded, f32x4.splat(0)), f32x4.splat(15));
}

/** ggml's make_qkx2_quants(32, 15, ..., -1, 0.1, 20, squared error) for four sub-blocks, each lane in its order. */
function search(first: usize): void {
  const x0 = TURNED + (first << 2), w0 = WEIGHTS + (first << 2);
  let squares = f32x4.splat(0);
  for (let l: usize = 0; l < 1024; l += 32) {
    const x = v128.load(x0 + l);
    squares = f32x4.add(squares, f32x4.mul(x, x));
  }
  const average = f32x4.sqrt(f32x4.mul(squares, f32x4.splat(1.0 / 32.0)));
  let low = v128.load(x0), high = low, sumW = f32x4.splat(0), sumX = sumW;
  for (let l: usize = 0; l < 1024; l += 32) {
    const x = v128.load(x0 + l);
    const w = f32x4.add(average, f32x4.abs(x));
    v128.store(w0 + l, w);
    low = f32x4.pmin(low, x);
    high = f32x4.pmax(high, x);
    sumW = f32x4.add(sumW, w);
    sumX = f32x4.add(sumX, f32x4.mul(w, x));
  }
  low = f32x4.pmin(low, f32x4.splat(0));
  const flat = f32x4.eq(high, low);
  let inverse = f32x4.div(f32x4.splat(15), f32x4.sub(high, low));
  let scale = f32x4.div(f32x4.splat(1), inverse), bestInverse = inverse, bestLow = low, best = f32x4.splat(0);
  for (let l: usize = 0; l < 1024; l += 32) {
    const x = v128.load(x0 + l);
    const diff = f32x4.sub(f32x4.add(f32x4.mul(scale, stepsOf(x, low, inverse)), low), x);
    best = f32x4.add(best, f32x4.mul(v128.load(w0 + l), f32x4.mul(diff, diff)));
  }
  for (let step = 0; step <= 20; step++) {
    inverse = f32x4.div(f32x4.splat(<f32>-1 + <f32>0.1 * <f32>step + <f32>15), f32x4.sub(high, low));
    let sumL = f32x4.splat(0), sumLL = sumL, sumXL = sumL;
    for (let l: usize = 0; l < 1024; l += 32) {
      const x = v128.load(x0 + l);
      const code = stepsOf(x, low, inverse);
      const wl = f32x4.mul(v128.load(w0 + l), code);
      sumL = f32x4.add(sumL, wl);
      sumLL = f32x4.add(sumLL, f32x4.mul(wl, code));
      sumXL = f32x4.add(sumXL, f32x4.mul(wl, x));
    }
    const determinant = f32x4.sub(f32x4.mul(sumW, sumLL), f32x4.mul(sumL, sumL));
    let thisScale = f32x4.div(f32x4.sub(f32x4.mul(sumW, sumXL), f32x4.mul(sumX, sumL)), determinant);
    let thisMin = f32x4.div(f32x4.sub(f32x4.mul(sumLL, sumX), f32x4.mul(sumL, sumXL)), determinant);
    const above = f32x4.gt(thisMin, f32x4.splat(0));
    thisMin = v128.andnot(thisMin, above);
    thisScale = v128.bitselect(f32x4.div(sumXL, sumLL), thisScale, above);
    let error = f32x4.splat(0);
    for (let l: usize = 0; l < 1024; l += 32) {
      const x = v128.load(x0 + l);
      const diff = f32x4.sub(f32x4.add(f32x4.mul(thisScale, stepsOf(x, low, inverse)), thisMin), x);
      error = f32x4.add(error, f32x4.mul(v128.load(w0 + l), f32x4.mul(diff, diff)));
    }
    const wins = v128.and(f32x4.gt(determinant, f32x4.splat(0)), f32x4.lt(error, best));
    best = v128.bitselect(error, best, wins);
    scale = v128.bitselect(thisScale, scale, wins);
    bestInverse = v128.bitselect(inverse, bestInverse, wins);
    bestLow = v128.bitselect(low, bestLow, wins);
    // As in ggml, the steps that follow start from the minimum that won.
    low = v128.bitselect(thisMin, low, wins);
  }
  v128.store(SCALES + (first << 2), v128.andnot(scale, flat));
  v128.store(MINS + (first << 2), f32x4.neg(low));
  v128.store(STARTS + (first << 2), bestLow);
  v128.store(INVERSES + (first << 2), v128.andnot(bestInverse, flat));
}

/** ggml's nearest_int, for any float. */
// @ts-ignore: decorator
@inline
function nearestInt(x: f32): i32 {
  return (reinterpret<i32>(x + <f32>12582912) & 0x007fffff) - 0x00400000;
}

// @ts-ignore: decorator
@inline
function codesOf(x: v128, minimum: v128, d: v128): v128 {
  const sum = f32x4.add(f32x4.div(f32x4.add(x, minimum), d), f32x4.splat(12582912));
  const code = i32x4.sub(v128.and(sum, i32x4.splat(0x007fffff)), i32x4.splat(0x00400000));
  return i32x4.max_s(i32x4.min_s(code, i32x4.splat(15)), i32x4.splat(0));
}

/** Codes 16 * part .. + 15 of sub-block j; where its scale came out as zero, those of the search. */
// @ts-ignore: decorator
@inline
function sixteenCodes(values: usize, d: f32, minimum: f32, j: usize): v128 {
  if (d == 0) {
    const low = f32x4.splat(load<f32>(STARTS + (j << 2))), inverse = f32x4.splat(load<f32>(INVERSES + (j << 2)));
    const a = i32x4.trunc_sat_f32x4_s(stepsOf(v128.load(values), low, inverse)), b = i32x4.trunc_sat_f32x4_s(stepsOf(v128.load(values, 16), low, inverse));
    const c = i32x4.trunc_sat_f32x4_s(stepsOf(v128.load(values, 32), low, inverse)), e = i32x4.trunc_sat_f32x4_s(stepsOf(v128.load(values, 48), low, inverse));
    return i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, e));
  }
  const scale = f32x4.splat(d), m = f32x4.splat(minimum);
  const a = codesOf(v128.load(values), m, scale), b = codesOf(v128.load(values, 16), m, scale);
  const c = codesOf(v128.load(values, 32), m, scale), e = codesOf(v128.load(values, 48), m, scale);
  return i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, e));
}

/** `blocks` super-blocks of 256 values. */
export function quantizeQ4_K(values: usize, blocks: i32, out: usize): void {
  for (; blocks > 0; blocks--) {
    turn(values, 0);
    turn(values, 4);
    search(0);
    search(4);
    let maxScale: f32 = 0, maxMin: f32 = 0;
    for (let j: usize = 0; j < 32; j += 4) {
      const scale = load<f32>(SCALES + j), minimum = load<f32>(MINS + j);
      if (scale > maxScale) maxScale = scale;
      if (minimum > maxMin) maxMin = minimum;
    }
    const inverseScale = maxScale > 0 ? <f32>63 / maxScale : 0, inverseMin = maxMin > 0 ? <f32>63 / maxMin : 0;
    const d16 = halfBits(maxScale / 63), m16 = halfBits(maxMin / 63);
    store<u16>(out, d16);
    store<u16>(out, m16, 2);
    const d = halfValue(d16), m = halfValue(m16);
    memory.fill(out + 4, 0, 12);
    for (let j: usize = 0; j < 8; j += 2) {
      const q = out + 16 + (j << 4);
      const s0 = pickScale(j, inverseScale, SCALES), m0 = pickScale(j, inverseMin, MINS);
      const s1 = pickScale(j + 1, inverseScale, SCALES), m1 = pickScale(j + 1, inverseMin, MINS);
      putScale(out + 4, j, s0, m0);
      putScale(out + 4, j + 1, s1, m1);
      for (let part: usize = 0; part < 2; part++) {
        const at = values + (j << 7) + (part << 6);
        const low = sixteenCodes(at, d * <f32>s0, m * <f32>m0, j);
        const high = sixteenCodes(at + 128, d * <f32>s1, m * <f32>m1, j + 1);
        v128.store(q + (part << 4), v128.or(low, i8x16.shl(high, 4)));
      }
    }
    values += 1024;
    out += Q4_K_BYTES;
  }
}

// @ts-ignore: decorator
@inline
function pickScale(j: usize, inverse: f32, from: usize): i32 {
  return min(63, nearestInt(inverse * load<f32>(from + (j << 2))) & 255);
}

/** Six bits each for scale and minimum, in ggml's arrangement of 12 bytes. */
// @ts-ignore: decorator
@inline
function putScale(at: usize, j: usize, scale: i32, minimum: i32): void {
  if (j < 4) {
    store<u8>(at + j, scale);
    store<u8>(at + j, minimum, 4);
    return;
  }
  store<u8>(at + j, (scale & 15) | ((minimum & 15) << 4), 4);
  store<u8>(at + j - 4, load<u8>(at + j - 4) | ((scale >> 4) << 6));
  store<u8>(at + j, load<u8>(at + j) | ((minimum >> 4) << 6));
}
