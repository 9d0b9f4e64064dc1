// What a chunk's other forms are expanded by: classes of symbols, palettes, masks, matches. Twins of kernels/reference/expand.ts.

/** The class of each symbol of a grid of `columns`: row's class * `columnClasses` + column's class. */
export function gridClasses(rows: usize, columnsAt: usize, columns: i32, columnClasses: i32, count: i32, output: usize): void {
  const end = output + <usize>count;
  for (; output < end; output += columns) {
    const base = i8x16.splat(<i8>(<i32>load<u8>(rows++) * columnClasses));
    const length = min<i32>(columns, <i32>(end - output));
    let i: i32 = 0;
    for (; i + 16 <= length; i += 16) v128.store(output + i, i8x16.add(base, v128.load(columnsAt + i)));
    for (; i < length; i++) store<u8>(output + i, <u8>(load<u8>(columnsAt + i) + i8x16.extract_lane_u(base, 0)));
  }
}

/** The class that each byte has by `map`, 256 bytes. */
export function mapClasses(bytes: usize, map: usize, count: i32, output: usize): void {
  for (let i: i32 = 0; i < count; i++) store<u8>(output + i, load<u8>(map + <usize>load<u8>(bytes + i)));
}

/** The class of two bytes: that of the first, times `groups`, plus that of the second. */
export function pairClasses(first: usize, byFirst: usize, second: usize, bySecond: usize, groups: i32, count: i32, output: usize): void {
  for (let i: i32 = 0; i < count; i++) {
    store<u8>(output + i, <u8>(load<u8>(byFirst + <usize>load<u8>(first + i)) * groups + load<u8>(bySecond + <usize>load<u8>(second + i))));
  }
}

/** The largest of `count` bytes. */
export function largest(bytes: usize, count: i32): i32 {
  let peak: u8 = 0;
  for (let i: i32 = 0; i < count; i++) peak = max<u8>(peak, load<u8>(bytes + i));
  return peak;
}

// @ts-ignore: decorator
@inline
function copyElement(from: usize, to: usize, width: i32): void {
  if (width == 4) store<u32>(to, load<u32>(from));
  else if (width == 2) store<u16>(to, load<u16>(from));
  else if (width == 1) store<u8>(to, load<u8>(from));
  else store<u64>(to, load<u64>(from));
}

export function expandPalette(indices: usize, count: i32, palette: usize, width: i32, output: usize): void {
  for (let i: i32 = 0; i < count; i++) {
    copyElement(palette + <usize>load<u8>(indices + i) * width, output, width);
    output += width;
  }
}

/** Elements where the mask has a bit, the lowest bit of a byte first; zeros elsewhere. `output` is zeros already. @returns how many elements were wanted */
export function expandMask(mask: usize, count: i32, elements: usize, available: i32, width: i32, output: usize): i32 {
  let used: i32 = 0;
  for (let i: i32 = 0; i < count; i++) {
    if ((load<u8>(mask + (i >> 3)) >> (<u8>i & 7)) & 1) {
      if (used < available) copyElement(elements + used * width, output + i * width, width);
      used++;
    }
  }
  return used;
}

let bits: u64 = 0;
let held: i32 = 0;
let bitsAt: usize = 0;

/** The next `count` bits, up to 32, low bits of a byte first. */
// @ts-ignore: decorator
@inline
function take(count: i32): u32 {
  while (held < count) {
    bits |= <u64>load<u8>(bitsAt++) << held;
    held += 8;
  }
  const value = <u32>(bits & ((<u64>1 << count) - 1));
  bits >>= count;
  held -= count;
  return value;
}

/** A number from its code: below 16 it is the code; then the exponent, one bit of the mantissa, and the other bits from the side. */
// @ts-ignore: decorator
@inline
function numberOf(code: u32): u32 {
  if (code < 16) return code;
  const exponent = <i32>((code - 16) >> 1) + 4;
  return ((2 | ((code - 16) & 1)) << (exponent - 1)) | take(exponent - 1);
}

/**
 * Runs of literals, each followed by a copy of what came before, from `begin` on. Numbers are of elements. `codes` holds, `count` each, the codes of runs, lengths and distances.
 * `extra` ends with 8 bytes that can be read. Source: Ziv and Lempel 1977; the three last distances have short codes as in LZMA.
 * @returns 0 when it fits exactly
 */
export function expandMatches(
  codes: usize, stride: usize, count: i32, extra: usize, extraEnd: usize, literals: usize, literalsEnd: usize, shortest: i32, width: i32, begin: usize, output: usize, outputEnd: usize,
): i32 {
  let first: u32 = 1, second: u32 = 2, third: u32 = 3;
  const scale = <i32>ctz(width);
  bits = 0;
  held = 0;
  bitsAt = extra;
  for (let i: i32 = 0; i < count; i++) {
    const run = <usize>numberOf(load<u8>(codes + i)) << scale;
    const length = (<usize>numberOf(load<u8>(codes + stride + i)) + <usize>shortest) << scale;
    const code = <u32>load<u8>(codes + (stride << 1) + i);
    let distance = first;
    if (code == 1) distance = second;
    else if (code == 2) distance = third;
    else if (code > 2) distance = numberOf(code - 3) + 1;
    if (code > 1) third = second;
    if (code > 0) {
      second = first;
      first = distance;
    }
    if (bitsAt > extraEnd + 8) return 1;
    const back = <usize>distance << scale;
    if (run > literalsEnd - literals || run + length > outputEnd - output) return 2;
    memory.copy(output, literals, run);
    literals += run;
    output += run;
    if (back > output - begin) return 3;
    const end = output + length;
    if (back >= length) {
      memory.copy(output, output - back, length);
      output = end;
    } else for (; output < end; output += width) copyElement(output - back, output, width);
  }
  const rest = literalsEnd - literals;
  if (rest != outputEnd - output) return 4;
  memory.copy(output, literals, rest);
  return bitsAt - <usize>(held >> 3) == extraEnd ? 0 : 5;
}
