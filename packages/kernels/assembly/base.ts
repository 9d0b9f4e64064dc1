// What the module for chunks with a base exports: elements from residuals. Memory from `heapBase` on is the host's. Twins of kernels/reference/base.ts.
export const heapBase: usize = __heap_base;

/** The highest byte of each element; of those that are turned, after turning. */
export function highest(elements: usize, count: i32, width: i32, isTurned: i32, output: usize): void {
  const last = elements + width - 1;
  if (!isTurned) {
    for (let i: i32 = 0; i < count; i++) store<u8>(output + i, load<u8>(last + i * width));
    return;
  }
  for (let i: i32 = 0; i < count; i++) store<u8>(output + i, <u8>(load<u16>(last - 1 + i * width) >> 7));
}

// @ts-ignore: decorator
@inline
function zigzagged<T>(residual: T): T {
  return (residual >> 1) ^ (0 - (residual & 1));
}

// @ts-ignore: decorator
@inline
function ordered<T>(bits: T, top: T, isTurned: i32): T {
  return isTurned ? ((bits & top) != 0 ? ~bits : bits | top) : bits;
}

// @ts-ignore: decorator
@inline
function unordered<T>(place: T, top: T, isTurned: i32): T {
  return isTurned ? ((place & top) != 0 ? place ^ top : ~place) : place;
}

function addOf<T>(residuals: usize, base: usize, count: i32, isTurned: i32, isXor: i32, output: usize): void {
  const top = <T>1 << <T>(sizeof<T>() * 8 - 1);
  const end = residuals + <usize>count * sizeof<T>();
  for (; residuals < end; residuals += sizeof<T>(), base += sizeof<T>(), output += sizeof<T>()) {
    const residual = load<T>(residuals);
    const from = load<T>(base);
    if (isXor) store<T>(output, from ^ residual);
    else store<T>(output, unordered<T>(ordered<T>(from, top, isTurned) + zigzagged<T>(residual), top, isTurned));
  }
}

/**
 * Elements from a base and residuals: xor, or zigzag differences, of turned elements between their places in the order of floats.
 */
export function addBase(residuals: usize, base: usize, count: i32, width: i32, isTurned: i32, isXor: i32, output: usize): void {
  if (width == 1) addOf<u8>(residuals, base, count, isTurned, isXor, output);
  else if (width == 2) addOf<u16>(residuals, base, count, isTurned, isXor, output);
  else if (width == 4) addOf<u32>(residuals, base, count, isTurned, isXor, output);
  else addOf<u64>(residuals, base, count, isTurned, isXor, output);
}

// @ts-ignore: decorator
@inline
function fromHalf(bits: u32): f32 {
  const magnitude = bits & 0x7fff;
  const sign = (bits & 0x8000) << 16;
  // times 2^112 the exponent is that of a float; infinities and NaN keep theirs
  const value = reinterpret<f32>(magnitude << 13) * reinterpret<f32>(0x77800000);
  return reinterpret<f32>((magnitude >= 0x7c00 ? 0x7f800000 | (magnitude << 13) : reinterpret<u32>(value)) | sign);
}

/** Round to nearest even. */
// @ts-ignore: decorator
@inline
function toHalf(value: f32): u32 {
  const bits = reinterpret<u32>(value);
  const sign = (bits >> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) return sign | <u32>nearest<f32>(reinterpret<f32>(magnitude) * 16777216);
  return sign | ((magnitude + 0xfff + ((magnitude >> 13) & 1) - 0x38000000) >> 13);
}

// @ts-ignore: decorator
@inline
function toBrain(value: f32): u32 {
  const bits = reinterpret<u32>(value);
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >> 16) | 64;
  return (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
}

/** Elements `from` to `to`: those of the base, plus `scale`, or minus it where a bit is set. `type`: 0, 32-bit floats; 1, halves; 2, bfloat16. */
export function addSigns(base: usize, signs: usize, from: i32, to: i32, type: i32, scale: f32, output: usize): void {
  for (let i = from; i < to; i++) {
    const isMinus = (load<u8>(signs + (i >> 3)) >> (<u8>i & 7)) & 1;
    const by = isMinus ? -scale : scale;
    if (type == 0) store<f32>(output + (<usize>i << 2), load<f32>(base + (<usize>i << 2)) + by);
    else {
      const bits: u32 = load<u16>(base + (<usize>i << 1));
      store<u16>(output + (<usize>i << 1), <u16>(type == 1 ? toHalf(fromHalf(bits) + by) : toBrain(reinterpret<f32>(bits << 16) + by)));
    }
  }
}
