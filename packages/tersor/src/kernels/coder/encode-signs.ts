import { byteWriter } from '../../core/byte-writer.ts';
import type { CodingProfile, Elements } from '../../core/kernels.ts';
import { bitsOf, FLOATS, type Float, valuesOf } from '../reference/signs.ts';
import type { CodingLoops } from './coding.ts';
import { encodeChunk } from './encode-chunk.ts';

/**
 * Floats that are those of the base, plus or minus one number for all or for each row, rounded: the numbers, and a bit for each; undefined when they are not. That
 * they are shows: few others fit.
 */
export function encodeSigns(
  loops: CodingLoops,
  bytes: Uint8Array,
  { count, width, turned, columns }: Elements,
  base: Uint8Array,
  profile: CodingProfile,
): Uint8Array<ArrayBuffer> | undefined {
  if (!turned || width > 4) return undefined;
  for (const [index, type] of FLOATS.entries()) {
    if ((type === 'f32') !== (width === 4)) continue;
    const [own, like] = [valuesOf(bytes, type), valuesOf(base, type)];
    const bits = bitsOf(own, type);
    for (const length of new Set([count, columns > 0 && count % columns === 0 ? columns : count])) {
      const found = signsOf(own, like, bits, length, type);
      if (!found) continue;
      const writer = byteWriter();
      writer.byte(index);
      writer.byte(length === count ? 0 : 1);
      writer.bytes(new Uint8Array(found.scales.buffer));
      writer.bytes(encodeChunk(loops, found.signs, { count: found.signs.length, width: 1, turned: false, columns: 0 }, profile));
      return writer.finish();
    }
  }
  return undefined;
}

interface Signs {
  readonly scales: Float32Array<ArrayBuffer>;
  /** A bit for each element, set where the scale is subtracted. */
  readonly signs: Uint8Array;
}

function signsOf(own: Float32Array, base: Float32Array, bits: ArrayLike<number>, length: number, type: Float): Signs | undefined {
  const scales = new Float32Array(own.length / length);
  const signs = new Uint8Array(Math.ceil(own.length / 8));
  for (let line = 0; line < scales.length; line++) {
    const [from, to] = [line * length, (line + 1) * length];
    const scale = candidates(own, base, from, to, type).find((each) => fits(each, base, bits, from, to, type, signs));
    if (scale === undefined) return undefined;
    scales[line] = scale;
  }
  return { scales, signs };
}

/** Digits of a float of the type. */
const DIGITS = { f32: 24, f16: 11, bf16: 8 };
const LEAST_EXPONENT = { f32: -126, f16: -14, bf16: -126 };

/** Numbers that all differences allow, those of few digits first. */
function candidates(own: Float32Array, base: Float32Array, from: number, to: number, type: Float): number[] {
  let [low, high] = [0, Number.POSITIVE_INFINITY];
  for (let i = from; i < to; i++) {
    const difference = Math.abs(own[i]! - base[i]!);
    // halves of what rounding may have moved it by, of the type and of the sum
    const exponent = Math.max(LEAST_EXPONENT[type], Math.floor(Math.log2(Math.abs(own[i]!) || 2 ** -126)));
    const slack = 2 ** (exponent + 1 - DIGITS[type]) + Math.abs(own[i]!) * 2 ** -24;
    low = Math.max(low, difference - slack);
    high = Math.min(high, difference + slack);
    if (!(low <= high)) return [];
  }
  const middle = (low + high) / 2;
  const unit = 2 ** Math.floor(Math.log2(middle || 1));
  const found = new Set<number>();
  for (let digits = 2; digits <= 24; digits++) {
    const step = unit * 2 ** (1 - digits);
    const rounded = Math.fround(Math.round(middle / step) * step);
    for (const each of digits < 24 ? [rounded] : [rounded, rounded - step, rounded + step])
      if (each >= low && each <= high) found.add(Math.fround(each));
  }
  return [...found].slice(-8);
}

/** Whether every element is its base's plus or minus the scale; notes which. */
function fits(
  scale: number,
  base: Float32Array,
  bits: ArrayLike<number>,
  from: number,
  to: number,
  type: Float,
  signs: Uint8Array,
): boolean {
  const part = base.subarray(from, to);
  const [plus, minus] = [1, -1].map((sign) =>
    bitsOf(
      part.map((value) => value + sign * scale),
      type,
    ),
  );
  for (let i = from; i < to; i++) {
    if (plus![i - from] === bits[i]) signs[i >> 3]! &= ~(1 << (i & 7));
    else if (minus![i - from] === bits[i]) signs[i >> 3]! |= 1 << (i & 7);
    else return false;
  }
  return true;
}
