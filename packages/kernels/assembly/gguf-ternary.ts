// GGUF's TQ1_0 and TQ2_0, byte for byte those of ggml's reference quantizer, or with better scales. Twins of kernels/reference/ggml/ternary.ts.
import { halfBits } from './gguf';
import { CODES, halfValue, packTwoBits, sixteenBytes } from './gguf-lanes';
import { stretchWithin } from './gguf-stretch';

const NOTHING: f32 = 1e-15;
/** Importances where none are known. */
const ONES: usize = memory.data(1024, 16);

/** The scale that codes follow from, and what is written for it. */
let scale: f32 = 0;
let written: f32 = 0;

// @ts-ignore: decorator
@inline
function halfOf(value: f64): f32 {
  return halfValue(halfBits(<f32>value));
}

/** Four sums of every fourth value. */
// @ts-ignore: decorator
@inline
function total(lanes: v128): f32 {
  return f32x4.extract_lane(lanes, 0) + f32x4.extract_lane(lanes, 1) + f32x4.extract_lane(lanes, 2) + f32x4.extract_lane(lanes, 3);
}

function peakOf(values: usize): f32 {
  let peak = f32x4.splat(0);
  for (let l: usize = 0; l < 1024; l += 16) peak = f32x4.pmax(peak, f32x4.abs(v128.load(values + l)));
  return max(
    max(f32x4.extract_lane(peak, 0), f32x4.extract_lane(peak, 1)),
    max(f32x4.extract_lane(peak, 2), f32x4.extract_lane(peak, 3)),
  );
}

/** Where values become the scale, up to a sign. */
// @ts-ignore: decorator
@inline
function isLarge(magnitude: v128, inverse: v128): v128 {
  return f32x4.gt(f32x4.mul(magnitude, inverse), f32x4.splat(0.5));
}

/** What `explain` found: the scale that is best for the codes of an inverse, and how much of the values it explains. */
let found: f32 = 0;
let gain: f32 = 0;

function explain(values: usize, weights: usize, inverse: f32): void {
  const inverses = f32x4.splat(inverse);
  let lx = f32x4.splat(0), ll = lx;
  for (let l: usize = 0; l < 1024; l += 16) {
    const magnitude = f32x4.abs(v128.load(values + l));
    const weighted = v128.and(v128.load(weights + l), isLarge(magnitude, inverses));
    lx = f32x4.add(lx, f32x4.mul(weighted, magnitude));
    ll = f32x4.add(ll, weighted);
  }
  const sumLX = total(lx), sumLL = total(ll);
  found = sumLL > 0 ? sumLX / sumLL : 0;
  gain = found * sumLX;
}

/** The weighted squared error where codes follow from one scale, and another is written. */
function errorWith(values: usize, weights: usize, from: f32, to: f32): f32 {
  const inverses = f32x4.splat(inverseOf(from)), scales = f32x4.splat(to);
  let error = f32x4.splat(0);
  for (let l: usize = 0; l < 1024; l += 16) {
    const magnitude = f32x4.abs(v128.load(values + l));
    const diff = f32x4.sub(v128.and(scales, isLarge(magnitude, inverses)), magnitude);
    error = f32x4.add(error, f32x4.mul(v128.load(weights + l), f32x4.mul(diff, diff)));
  }
  return total(error);
}

// @ts-ignore: decorator
@inline
function inverseOf(value: f32): f32 {
  return value == 0 ? 0 : <f32>1 / value;
}

function stretch(values: usize, weights: usize, within: f32): void {
  const inverses = f32x4.splat(inverseOf(scale)), scales = f32x4.splat(scale);
  let error = f32x4.splat(0), product = error, square = error;
  for (let l: usize = 0; l < 1024; l += 16) {
    const magnitude = f32x4.abs(v128.load(values + l)), w = v128.load(weights + l);
    const value = v128.and(scales, isLarge(magnitude, inverses));
    const weighted = f32x4.mul(w, value), diff = f32x4.sub(value, magnitude);
    error = f32x4.add(error, f32x4.mul(w, f32x4.mul(diff, diff)));
    product = f32x4.add(product, f32x4.mul(weighted, diff));
    square = f32x4.add(square, f32x4.mul(weighted, value));
  }
  const stretched = halfOf(<f64>scale * stretchWithin(total(error), total(product), total(square), within));
  if (errorWith(values, weights, scale, stretched) <= within) written = stretched;
}

/** From the half that is the largest magnitude. */
function bestScale(values: usize, weights: usize, peak: f32): void {
  scale = written = halfOf(peak);
  if (peak < NOTHING) return;
  let most: f32 = 0, next: f32 = 0;
  for (let i = 0; i < 13; i++) {
    explain(values, weights, (<f32>1 + <f32>0.25 * <f32>i) / peak);
    if (!(gain > most)) continue;
    most = gain;
    next = found;
  }
  const within = errorWith(values, weights, scale, scale);
  let least = within;
  for (let pass = 0; pass < 2; pass++) {
    const half = halfOf(next);
    const error = errorWith(values, weights, half, half);
    if (error < least) {
      scale = half;
      least = error;
    }
    explain(values, weights, inverseOf(half));
    next = found;
  }
  written = scale;
  stretch(values, weights, within);
}

// @ts-ignore: decorator
@inline
function fourDigits(at: usize, inverse: v128, isBest: bool): v128 {
  const x = v128.load(at);
  const scaled = f32x4.mul(f32x4.abs(x), inverse), half = f32x4.splat(0.5);
  // ggml rounds halves away from zero
  const large = isBest ? f32x4.gt(scaled, half) : f32x4.ge(scaled, half);
  const sign = v128.or(i32x4.shr_s(x, 31), i32x4.splat(1));
  return i32x4.add(v128.and(sign, large), i32x4.splat(1));
}

/** Sets CODES to 0, 1 or 2 for every value, and the scale. */
function setDigits(values: usize, isBest: bool, importance: usize): void {
  scale = written = peakOf(values);
  if (isBest) {
    if (importance == 0) for (let l: usize = 0; l < 1024; l += 16) v128.store(ONES + l, f32x4.splat(1));
    bestScale(values, importance != 0 ? importance : ONES, scale);
  }
  const inverse = f32x4.splat(inverseOf(scale));
  for (let i: usize = 0; i < 256; i += 16) {
    const at = values + (i << 2);
    v128.store(
      CODES + i,
      sixteenBytes(
        fourDigits(at, inverse, isBest),
        fourDigits(at + 16, inverse, isBest),
        fourDigits(at + 32, inverse, isBest),
        fourDigits(at + 48, inverse, isBest),
      ),
    );
  }
}

/** Five digits of `length` neighbours each, from the code at `first` on, as fractions of 256, rounded up so that they come out again. */
// @ts-ignore: decorator
@inline
function putFractions(out: usize, first: usize, length: usize, digits: usize): void {
  for (let i: usize = 0; i < length; i++) {
    let number: u32 = 0;
    for (let digit: usize = 0; digit < 5; digit++) {
      number = number * 3 + (digit < digits ? <u32>load<u8>(CODES + first + digit * length + i) : 0);
    }
    store<u8>(out + i, (number * 256 + 242) / 243);
  }
}

export function quantizeTQ1_0(values: usize, blocks: i32, out: usize, isBest: bool, importance: usize): void {
  for (; blocks > 0; blocks--) {
    setDigits(values, isBest, importance);
    putFractions(out, 0, 32, 5);
    putFractions(out + 32, 160, 16, 5);
    putFractions(out + 48, 240, 4, 4);
    store<u16>(out, halfBits(written), 52);
    values += 1024;
    out += 54;
    if (importance != 0) importance += 1024;
  }
}

export function quantizeTQ2_0(values: usize, blocks: i32, out: usize, isBest: bool, importance: usize): void {
  for (; blocks > 0; blocks--) {
    setDigits(values, isBest, importance);
    packTwoBits(out);
    store<u16>(out, halfBits(written), 64);
    values += 1024;
    out += 66;
    if (importance != 0) importance += 1024;
  }
}
