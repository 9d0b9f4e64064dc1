// Scales (and zero points) by search for the least squared error. Twin of kernels/reference/mse.ts.
// Four candidates sit in the four lanes of a vector and every lane sums the block in order, so the sums are those of the reference.
import { fitAbsmax } from './absmax';
import {
  CHUNK, errorA, fitScale, fitZero, flushHigh, flushLow, high, inverseOf, levels, low, middle, setFit, squared, squaredErrors, storable, storable4, symmetric,
} from './grid';

let bestError: f64 = 0;
let bestScale: f32 = 0;
let bestZero: i32 = 0;

function consider(error: f64, scale: f32, zero: i32): void {
  if (error < bestError) {
    bestError = error;
    bestScale = scale;
    bestZero = zero;
  }
}

/** Expects `measureRange`. */
export function fitMse(values: usize, count: i32): void {
  if (low == 0 && high == 0) return setFit(0, symmetric ? middle : 0);
  // Should every sum overflow, the first candidate stands.
  bestError = Infinity;
  if (!symmetric) {
    fitAbsmax(values, count);
    bestScale = fitScale;
    bestZero = fitZero;
    searchRange(values, count);
  } else {
    const extreme = high > -low ? high : low;
    const base = levels == 255 ? max(high, -low) / <f32>127 : extreme / <f32>(-middle);
    bestScale = storable(base);
    bestZero = middle;
    searchScale(values, count, base, levels == 255 ? 80 : 40);
    if (levels != 255) searchScale(values, count, extreme / <f32>(middle - 1), 40);
  }
  refine(values, count);
  setFit(bestScale, bestZero);
}

// @ts-ignore: decorator
@inline
function factors(first: i32, step: f32): v128 {
  const k = f32x4.add(f32x4.splat(<f32>first), f32x4(0, 1, 2, 3));
  return f32x4.sub(f32x4.splat(1), f32x4.mul(k, f32x4.splat(step)));
}

// @ts-ignore: decorator
@inline
function considerFour(low2: v128, high2: v128, scale: v128, zero: v128): void {
  const s0 = f32x4.extract_lane(scale, 0), s1 = f32x4.extract_lane(scale, 1), s2 = f32x4.extract_lane(scale, 2), s3 = f32x4.extract_lane(scale, 3);
  consider(f64x2.extract_lane(low2, 0) * s0 * s0, s0, <i32>f32x4.extract_lane(zero, 0));
  consider(f64x2.extract_lane(low2, 1) * s1 * s1, s1, <i32>f32x4.extract_lane(zero, 1));
  consider(f64x2.extract_lane(high2, 0) * s2 * s2, s2, <i32>f32x4.extract_lane(zero, 2));
  consider(f64x2.extract_lane(high2, 1) * s3 * s3, s3, <i32>f32x4.extract_lane(zero, 3));
}

/** Whether none of four candidates can win any more: sums only grow. */
// @ts-ignore: decorator
@inline
function areLost(low2: v128, high2: v128, scale: v128): bool {
  const best = f64x2.splat(bestError);
  const s0 = f64x2.promote_low_f32x4(scale), s1 = f64x2.promote_low_f32x4(v128.shuffle<u32>(scale, scale, 2, 3, 2, 3));
  const a = f64x2.ge(f64x2.mul(f64x2.mul(low2, s0), s0), best), b = f64x2.ge(f64x2.mul(f64x2.mul(high2, s1), s1), best);
  return i64x2.all_true(v128.and(a, b));
}

/** How far apart the clipped ranges are. */
function stepOf(): f32 {
  if (levels > 127) return 1.0 / 256.0;
  return levels > 15 ? 2.0 / 256.0 : 5.0 / 256.0;
}

/** Scales of four candidates. */
// @ts-ignore: decorator
@inline
function scalesAt(base: f32, first: i32): v128 {
  return storable4(f32x4.mul(f32x4.splat(base), factors(first, stepOf())));
}

/** `base` times 1, 1 - step, 1 - 2 step ...; `candidates` is a multiple of 8. */
function searchScale(values: usize, count: i32, base: f32, candidates: i32): void {
  const zero = f32x4.splat(<f32>middle), one = f32x4.splat(1);
  const lo = f32x4.splat(<f32>(-middle)), hi = f32x4.splat(<f32>(middle - 1));
  for (let k = 0; k < candidates; k += 8) {
    const scaleA = scalesAt(base, k), scaleB = scalesAt(base, k + 4);
    const inverseA = f32x4.div(one, scaleA), inverseB = f32x4.div(one, scaleB);
    let a0 = f64x2.splat(0), a1 = f64x2.splat(0), b0 = f64x2.splat(0), b1 = f64x2.splat(0);
    for (let from = 0; from < count; from += CHUNK) {
      let a = f32x4.splat(0), b = f32x4.splat(0);
      const to = min(from + CHUNK, count);
      const end = values + (<usize>to << 2), end4 = end - (<usize>(to & 3) << 2);
      let at = values + (<usize>from << 2);
      for (; at < end4; at += 16) {
        const x0 = v128.load32_splat(at), x1 = v128.load32_splat(at, 4), x2 = v128.load32_splat(at, 8), x3 = v128.load32_splat(at, 12);
        a = f32x4.add(a, squared(x0, inverseA, lo, hi));
        b = f32x4.add(b, squared(x0, inverseB, lo, hi));
        a = f32x4.add(a, squared(x1, inverseA, lo, hi));
        b = f32x4.add(b, squared(x1, inverseB, lo, hi));
        a = f32x4.add(a, squared(x2, inverseA, lo, hi));
        b = f32x4.add(b, squared(x2, inverseB, lo, hi));
        a = f32x4.add(a, squared(x3, inverseA, lo, hi));
        b = f32x4.add(b, squared(x3, inverseB, lo, hi));
      }
      for (; at < end; at += 4) {
        const x = v128.load32_splat(at);
        a = f32x4.add(a, squared(x, inverseA, lo, hi));
        b = f32x4.add(b, squared(x, inverseB, lo, hi));
      }
      a0 = flushLow(a0, a);
      a1 = flushHigh(a1, a);
      b0 = flushLow(b0, b);
      b1 = flushHigh(b1, b);
      if (areLost(a0, a1, scaleA) && areLost(b0, b1, scaleB)) break;
    }
    considerFour(a0, a1, scaleA, zero);
    considerFour(b0, b1, scaleB, zero);
  }
}

const RANGE_CANDIDATES: i32 = 28;

/** Narrower ranges, each with three zero points: smallest value kept, largest value kept, both drawn in. */
function searchRange(values: usize, count: i32): void {
  const base = f32x4.splat(<f32>((<f64>high - <f64>low) / <f64>levels));
  const top = f32x4.splat(<f32>levels);
  const nil = f32x4.splat(0);
  for (let k = 0; k < RANGE_CANDIDATES; k += 4) {
    const factor = factors(k, stepOf());
    const scale = storable4(f32x4.mul(base, factor));
    const inverse = f32x4.div(f32x4.splat(1), scale);
    const below = f32x4.mul(f32x4.splat(-low), inverse);
    const zeroA = f32x4.pmin(f32x4.pmax(f32x4.nearest(below), nil), top);
    const zeroB = f32x4.pmin(f32x4.pmax(f32x4.nearest(f32x4.sub(top, f32x4.mul(f32x4.splat(high), inverse))), nil), top);
    const zeroC = f32x4.pmin(f32x4.pmax(f32x4.nearest(f32x4.mul(below, factor)), nil), top);
    const loA = f32x4.neg(zeroA), loB = f32x4.neg(zeroB), loC = f32x4.neg(zeroC);
    const hiA = f32x4.sub(top, zeroA), hiB = f32x4.sub(top, zeroB), hiC = f32x4.sub(top, zeroC);
    let a0 = f64x2.splat(0), a1 = f64x2.splat(0), b0 = f64x2.splat(0), b1 = f64x2.splat(0), c0 = f64x2.splat(0), c1 = f64x2.splat(0);
    for (let from = 0; from < count; from += CHUNK) {
      let a = f32x4.splat(0), b = f32x4.splat(0), c = f32x4.splat(0);
      const end = values + (<usize>min(from + CHUNK, count) << 2);
      for (let at = values + (<usize>from << 2); at < end; at += 4) {
        const t = f32x4.mul(v128.load32_splat(at), inverse);
        const rounded = f32x4.nearest(t);
        const ea = f32x4.sub(t, f32x4.pmin(f32x4.pmax(rounded, loA), hiA));
        const eb = f32x4.sub(t, f32x4.pmin(f32x4.pmax(rounded, loB), hiB));
        const ec = f32x4.sub(t, f32x4.pmin(f32x4.pmax(rounded, loC), hiC));
        a = f32x4.add(a, f32x4.mul(ea, ea));
        b = f32x4.add(b, f32x4.mul(eb, eb));
        c = f32x4.add(c, f32x4.mul(ec, ec));
      }
      a0 = flushLow(a0, a);
      a1 = flushHigh(a1, a);
      b0 = flushLow(b0, b);
      b1 = flushHigh(b1, b);
      c0 = flushLow(c0, c);
      c1 = flushHigh(c1, c);
      if (areLost(a0, a1, scale) && areLost(b0, b1, scale) && areLost(c0, c1, scale)) break;
    }
    considerFour(a0, a1, scale, zeroA);
    considerFour(b0, b1, scale, zeroB);
    considerFour(c0, c1, scale, zeroC);
  }
}

const REFINEMENTS: i32 = 2;

/** The least-squares scale for the codes that the best candidate gives, as long as it helps. */
function refine(values: usize, count: i32): void {
  for (let round = 0; round < REFINEMENTS; round++) {
    sumCodes(values, count);
    if (square == 0 || product <= 0) return;
    const scale = storable(<f32>(<f64>bestScale * (product / square)));
    squaredErrors(values, count, scale, scale, bestZero);
    if (!(errorA < bestError)) return;
    bestError = errorA;
    bestScale = scale;
  }
}

let product: f64 = 0;
let square: f64 = 0;

/** Sums of code * step and code * code, in four strands: element i of a chunk goes to strand i mod 4. */
function sumCodes(values: usize, count: i32): void {
  const factor = inverseOf(bestScale);
  const inverse = f32x4.splat(factor), lo = f32x4.splat(<f32>(-bestZero)), hi = f32x4.splat(<f32>(levels - bestZero));
  let p0 = f64x2.splat(0), p1 = p0, s0 = p0, s1 = p0;
  for (let from = 0; from < count; from += CHUNK) {
    let p = f32x4.splat(0), s = p;
    const to = min(from + CHUNK, count);
    const end = values + (<usize>(to & ~3) << 2);
    for (let at = values + (<usize>from << 2); at < end; at += 16) {
      const t = f32x4.mul(v128.load(at), inverse);
      const q = f32x4.nearest(f32x4.pmin(f32x4.pmax(t, lo), hi));
      p = f32x4.add(p, f32x4.mul(q, t));
      s = f32x4.add(s, f32x4.mul(q, q));
    }
    if (to & 3) {
      // The rest of the row, filled with zeros, which add nothing.
      let x = v128.load32_zero(end);
      if ((to & 3) > 1) x = f32x4.replace_lane(x, 1, load<f32>(end, 4));
      if ((to & 3) > 2) x = f32x4.replace_lane(x, 2, load<f32>(end, 8));
      const t = f32x4.mul(x, inverse);
      const q = f32x4.nearest(f32x4.pmin(f32x4.pmax(t, lo), hi));
      p = f32x4.add(p, f32x4.mul(q, t));
      s = f32x4.add(s, f32x4.mul(q, q));
    }
    p0 = flushLow(p0, p);
    p1 = flushHigh(p1, p);
    s0 = flushLow(s0, s);
    s1 = flushHigh(s1, s);
  }
  const p = f64x2.add(p0, p1), s = f64x2.add(s0, s1);
  product = f64x2.extract_lane(p, 0) + f64x2.extract_lane(p, 1);
  square = f64x2.extract_lane(s, 0) + f64x2.extract_lane(s, 1);
}
