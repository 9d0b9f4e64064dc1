import { toHalfPrecision } from '../../../core/half.ts';
import { nearestInt, partsOf } from './arithmetic.ts';
import { type Rounded, stretchWithin } from './stretch.ts';

const { fround } = Math;

/** The scales of a super-block's parts as codes, and what these are multiplied by, which are halves. */
export interface Scales {
  readonly scales: readonly number[];
  /** Around zero: all 0. */
  readonly minima: readonly number[];
  readonly d: number;
  readonly m: number;
}

interface Refined extends Scales {
  /** What is written for the halves once the codes are chosen: see `stretchWithin`. */
  readonly written: Pick<Scales, 'd' | 'm'>;
}

/** Of the reference's squared error, where few bits leave much to win. */
export const FEW_BITS = 0.96;

/** The level that is nearest to a number. */
export type Levels = (value: number) => number;

/** Whole numbers of a range. */
export function wholeLevels(least: number, most: number): Levels {
  return (value) => nearestInt(Math.min(most, Math.max(least, value)));
}

/** The neighbours of a part's scale and minimum. */
type Neighbours = (scale: number, minimum: number, pass: number) => readonly (readonly [scale: number, minimum: number])[];

/** Some values, what their errors count, and the levels that they become. */
interface Part {
  readonly values: Float32Array;
  readonly weights: Float32Array;
}

/**
 * Better scales than ggml's, at the same bytes: every part's scale and minimum one step up or down, then the halves that are best for the codes, by
 * least squares, and so on as long as it helps, at most four times. At last the halves are stretched, as far as the error stays within a `share` of that of `start`.
 *
 * Bound: the squared error, weighted by `importance`, is never larger than that of `start`.
 */
export function refineWithMinimum(
  parts: readonly Float32Array[],
  importance: Float32Array,
  start: Scales,
  mostCode: number,
  mostScale: number,
  share: number,
): Refined {
  const within = (value: number) => Math.min(mostScale, Math.max(0, value));
  const neighbours: Neighbours = (scale, minimum) =>
    [0, -1, 1].flatMap((up) => [0, -1, 1].map((on) => [within(scale + up), within(minimum + on)] as const));
  return refine(weighted(parts, importance), start, wholeLevels(0, mostCode), neighbours, refitWithMinimum, 4, share);
}

/** The same around zero, at most `passes` times, where a scale may first change its sign, too: levels are not the same on both sides of it. */
export function refineAroundZero(
  parts: readonly Float32Array[],
  importance: Float32Array,
  start: Pick<Scales, 'scales' | 'd'>,
  levels: Levels,
  mostScale: number,
  passes: number,
  share: number,
): Refined {
  const within = (value: number) => Math.min(mostScale - 1, Math.max(-mostScale, value));
  const neighbours: Neighbours = (scale, _, pass) =>
    (pass === 0 ? [scale, -scale] : [scale]).flatMap((from) => [-1, 0, 1].map((up) => [within(from + up), 0] as const));
  const minima = start.scales.map(() => 0);
  return refine(weighted(parts, importance), { ...start, minima, m: 0 }, levels, neighbours, refitAroundZero, passes, share);
}

/** Around zero, ggml searches longer where importances are known; so do we. */
export function passesFor(importance: Float32Array | undefined): number {
  return importance ? 4 : 1;
}

function weighted(parts: readonly Float32Array[], importance: Float32Array): Part[] {
  const weights = partsOf(importance, importance.length / parts.length);
  return parts.map((values, j) => ({ values, weights: weights[j]! }));
}

type Refit = (parts: readonly Part[], scales: Scales, levels: Levels) => Scales | undefined;

function refine(
  parts: readonly Part[],
  start: Scales,
  levels: Levels,
  neighbours: Neighbours,
  refit: Refit,
  passes: number,
  share: number,
): Refined {
  let best = improve(parts, start, levels, neighbours, 0);
  const within = share * best.before;
  for (let pass = 1; pass <= passes; pass++) {
    const moved = refit(parts, best.scales, levels);
    const found = moved && improve(parts, moved, levels, neighbours, pass);
    if (!found || !(found.error < best.error)) break;
    best = found;
  }
  return { ...best.scales, written: stretch(parts, best.scales, levels, within) };
}

function stretch(parts: readonly Part[], { scales, minima, d, m }: Scales, levels: Levels, within: number): Pick<Scales, 'd' | 'm'> {
  const sums = { error: 0, product: 0, square: 0 };
  parts.forEach((part, j) => {
    const { error, product, square } = roundedBy(part, fround(d * scales[j]!), fround(m * minima[j]!), levels);
    sums.error += error;
    sums.product += product;
    sums.square += square;
  });
  const by = stretchWithin(sums, within);
  if (by === 1) return { d, m };
  const [scale, minimum] = [asHalf(d * by), asHalf(m * by)];
  const found = parts.reduce((total, part, j) => {
    const before = [fround(d * scales[j]!), fround(m * minima[j]!)] as const;
    return total + errorOf(part, before[0], before[1], levels, fround(scale * scales[j]!), fround(minimum * minima[j]!));
  }, 0);
  return found <= within ? { d: scale, m: minimum } : { d, m };
}

/** Sums over a part whose values become `scale * level - offset`, in 32-bit floats. */
export function roundedBy({ values, weights }: Part, scale: number, offset: number, levels: Levels): Rounded {
  const inverse = inverseOf(scale);
  let [error, product, square] = [0, 0, 0];
  for (let i = 0; i < values.length; i++) {
    const x = values[i]!;
    const value = fround(fround(scale * levels(fround(fround(x + offset) * inverse))) - offset);
    const [weighted, difference] = [fround(weights[i]! * value), fround(value - x)];
    error = fround(error + fround(weights[i]! * fround(difference * difference)));
    product = fround(product + fround(weighted * difference));
    square = fround(square + fround(weighted * value));
  }
  return { error, product, square };
}

/** Each part on its own. */
function improve(parts: readonly Part[], { scales, minima, d, m }: Scales, levels: Levels, neighbours: Neighbours, pass: number) {
  let [error, before] = [0, 0];
  const chosen = parts.map((part, j) => {
    const errorAt = (scale: number, minimum: number) => errorOf(part, fround(d * scale), fround(m * minimum), levels);
    let [scale, minimum] = [scales[j]!, minima[j]!];
    let least = errorAt(scale, minimum);
    before = fround(before + least);
    for (const [tried, offset] of neighbours(scales[j]!, minima[j]!, pass)) {
      const found = errorAt(tried, offset);
      if (found < least) [scale, minimum, least] = [tried, offset, found];
    }
    error = fround(error + least);
    return { scale, minimum };
  });
  return { scales: { d, m, scales: chosen.map(({ scale }) => scale), minima: chosen.map(({ minimum }) => minimum) }, error, before };
}

/** The weighted squared error of a part whose values become `scale * level - offset`; with other scales than those that levels follow from, if there are. */
export function errorOf(
  { values, weights }: Part,
  scale: number,
  offset: number,
  levels: Levels,
  newScale = scale,
  newOffset = offset,
): number {
  const inverse = inverseOf(scale);
  let error = 0;
  for (let i = 0; i < values.length; i++) {
    const x = values[i]!;
    const difference = fround(fround(fround(newScale * levels(fround(fround(x + offset) * inverse))) - newOffset) - x);
    error = fround(error + fround(weights[i]! * fround(difference * difference)));
  }
  return error;
}

export function inverseOf(scale: number): number {
  return scale === 0 ? 0 : fround(1 / scale);
}

/** Two halves for given codes; undefined where there are none. Sums of a part are 32-bit floats, those over parts 64-bit ones. */
function refitWithMinimum(parts: readonly Part[], { scales, minima, d, m }: Scales, levels: Levels): Scales | undefined {
  let [aa, ab, bb, xa, xb] = [0, 0, 0, 0, 0];
  parts.forEach((part, j) => {
    const [scale, minimum] = [scales[j]!, minima[j]!];
    const sums = sumsOf(part, scale, fround(d * scale), fround(m * minimum), levels);
    aa += sums.aa;
    ab += minimum * sums.a;
    bb += sums.w * minimum * minimum;
    xa += sums.xa;
    xb += minimum * sums.x;
  });
  const determinant = aa * bb - ab * ab;
  if (!(determinant > 0)) return undefined;
  const [scale, minimum] = [asHalf((xa * bb - ab * xb) / determinant), asHalf((ab * xa - aa * xb) / determinant)];
  return scale > 0 && minimum >= 0 ? { scales, minima, d: scale, m: minimum } : undefined;
}

function refitAroundZero(parts: readonly Part[], { scales, minima, d }: Scales, levels: Levels): Scales | undefined {
  let [aa, xa] = [0, 0];
  parts.forEach((part, j) => {
    const sums = sumsOf(part, scales[j]!, fround(d * scales[j]!), 0, levels);
    aa += sums.aa;
    xa += sums.xa;
  });
  const scale = aa > 0 ? asHalf(xa / aa) : 0;
  return scale === 0 ? undefined : { scales, minima, d: scale, m: 0 };
}

function sumsOf({ values, weights }: Part, code: number, scale: number, offset: number, levels: Levels) {
  const inverse = inverseOf(scale);
  const sums = { w: 0, a: 0, aa: 0, x: 0, xa: 0 };
  for (let i = 0; i < values.length; i++) {
    const [x, w] = [values[i]!, weights[i]!];
    const a = fround(code * levels(fround(fround(x + offset) * inverse)));
    const wa = fround(w * a);
    sums.w = fround(sums.w + w);
    sums.a = fround(sums.a + wa);
    sums.aa = fround(sums.aa + fround(wa * a));
    sums.x = fround(sums.x + fround(w * x));
    sums.xa = fround(sums.xa + fround(wa * x));
  }
  return sums;
}

export function asHalf(value: number): number {
  return toHalfPrecision(fround(value));
}
