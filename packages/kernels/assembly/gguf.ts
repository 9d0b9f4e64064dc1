// GGUF's Q8_0 and Q4_0, byte for byte those of ggml's reference quantizer. Twins of kernels/reference/ggml/plain.ts.

// @ts-ignore: decorator
@inline
function peakOf(values: usize): f32 {
  let a = f32x4.abs(v128.load(values)), b = f32x4.abs(v128.load(values, 16));
  a = f32x4.pmax(a, f32x4.abs(v128.load(values, 32)));
  b = f32x4.pmax(b, f32x4.abs(v128.load(values, 48)));
  a = f32x4.pmax(a, f32x4.abs(v128.load(values, 64)));
  b = f32x4.pmax(b, f32x4.abs(v128.load(values, 80)));
  a = f32x4.pmax(a, f32x4.abs(v128.load(values, 96)));
  b = f32x4.pmax(b, f32x4.abs(v128.load(values, 112)));
  a = f32x4.pmax(a, b);
  a = f32x4.pmax(a, v128.shuffle<u32>(a, a, 2, 3, 0, 1));
  a = f32x4.pmax(a, v128.shuffle<u32>(a, a, 1, 0, 3, 2));
  return f32x4.extract_lane(a, 0);
}

/** Half bits of one float, nearest even. */
export function halfBits(value: f32): i32 {
  const bits = reinterpret<u32>(value);
  const sign = (bits >> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) return sign | (reinterpret<u32>(reinterpret<f32>(magnitude) + 0.5) - 0x3f000000);
  return sign | ((magnitude + (0xfff - 0x38000000) + ((magnitude >> 13) & 1)) >> 13);
}

/** Half away from zero, as C's roundf: the largest float below a half is added away from zero, then cut. */
// @ts-ignore: decorator
@inline
function roundAway(x: v128): v128 {
  const half = v128.or(v128.and(x, i32x4.splat(0x80000000)), i32x4.splat(0x3effffff));
  return wholeBits(f32x4.trunc(f32x4.add(x, half)));
}

/** Small whole numbers as integers. */
// @ts-ignore: decorator
@inline
function wholeBits(x: v128): v128 {
  return i32x4.sub(f32x4.add(x, f32x4.splat(12582912)), i32x4.splat(0x4b400000));
}

const Q8_0_BYTES: usize = 34;

export function quantizeQ8_0(values: usize, blocks: i32, out: usize): void {
  for (; blocks > 0; blocks--) {
    const d = peakOf(values) / 127;
    const inverse = f32x4.splat(d != 0 ? <f32>1 / d : 0);
    store<u16>(out, halfBits(d));
    for (let half: usize = 0; half < 32; half += 16) {
      const at = values + (half << 2);
      const a = roundAway(f32x4.mul(v128.load(at), inverse)), b = roundAway(f32x4.mul(v128.load(at, 16), inverse));
      const c = roundAway(f32x4.mul(v128.load(at, 32), inverse)), e = roundAway(f32x4.mul(v128.load(at, 48), inverse));
      v128.store(out + half, i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, e)), 2);
    }
    values += 128;
    out += Q8_0_BYTES;
  }
}

const Q4_0_BYTES: usize = 18;

/** The value of largest magnitude, the first of several, with its sign. */
// @ts-ignore: decorator
@inline
function extremeOf(values: usize): f32 {
  let low = v128.load(values), high = low;
  for (let at: usize = 16; at < 128; at += 16) {
    const four = v128.load(values + at);
    low = f32x4.pmin(low, four);
    high = f32x4.pmax(high, four);
  }
  low = f32x4.pmin(low, v128.shuffle<u32>(low, low, 2, 3, 0, 1));
  high = f32x4.pmax(high, v128.shuffle<u32>(high, high, 2, 3, 0, 1));
  low = f32x4.pmin(low, v128.shuffle<u32>(low, low, 1, 0, 3, 2));
  high = f32x4.pmax(high, v128.shuffle<u32>(high, high, 1, 0, 3, 2));
  const least = f32x4.extract_lane(low, 0), most = f32x4.extract_lane(high, 0);
  if (most > -least) return most;
  if (most < -least) return least;
  return firstOf(values, most);
}

/** The first value of this magnitude. */
function firstOf(values: usize, magnitude: f32): f32 {
  while (abs(load<f32>(values)) != magnitude) values += 4;
  const value = load<f32>(values);
  return value == 0 ? 0 : value;
}

// @ts-ignore: decorator
@inline
function nibbles(values: usize, inverse: v128): v128 {
  return wholeBits(f32x4.trunc(f32x4.add(f32x4.mul(v128.load(values), inverse), f32x4.splat(8.5))));
}

// @ts-ignore: decorator
@inline
function sixteenNibbles(at: usize, inverse: v128): v128 {
  const low = i16x8.narrow_i32x4_s(nibbles(at, inverse), nibbles(at + 16, inverse));
  const high = i16x8.narrow_i32x4_s(nibbles(at + 32, inverse), nibbles(at + 48, inverse));
  return i8x16.min_s(i8x16.narrow_i16x8_s(low, high), i8x16.splat(15));
}

export function quantizeQ4_0(values: usize, blocks: i32, out: usize): void {
  for (; blocks > 0; blocks--) {
    const d = extremeOf(values) / -8;
    const inverse = f32x4.splat(d != 0 ? <f32>1 / d : 0);
    store<u16>(out, halfBits(d));
    v128.store(out, v128.or(sixteenNibbles(values, inverse), i8x16.shl(sixteenNibbles(values + 64, inverse), 4)), 2);
    values += 128;
    out += Q4_0_BYTES;
  }
}
