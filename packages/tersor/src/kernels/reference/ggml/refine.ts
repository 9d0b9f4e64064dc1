import { toHalfPrecision } from '../../../core/half.ts';
import { nearestInt } from './arithmetic.ts';

const { fround } = Math;

const PASSES = 4;

/** The scales of a super-block's parts as codes, and what these are multiplied by, which are halves. */
export interface Scales {
  readonly scales: readonly number[];
  /** Around zero: all 0. */
  readonly minima: readonly number[];
  readonly d: number;
  readonly m: number;
}

/** What codes may be. */
interface Grid {
  readonly least: number;
  readonly most: number;
}

/** The neighbours of a part's scale and minimum. */
type Neighbours = (scale: number, minimum: number) => readonly (readonly [scale: number, minimum: number])[];

/**
 * Better scales than the reference's, at the same bytes: every part's scale and minimum one step up or down, then the halves that are best for the codes, by
 * least squares, and so on as long as it helps, at most four times.
 *
 * Bound: the squared error is never larger than that of `start`.
 */
export function refineWithMinimum(parts: readonly Float32Array[], start: Scales, mostCode: number, mostScale: number): Scales {
  const within = (value: number) => Math.min(mostScale, Math.max(0, value));
  const neighbours: Neighbours = (scale, minimum) =>
    [-1, 0, 1].flatMap((up) =>
      [-1, 0, 1].flatMap((on) => (up === 0 && on === 0 ? [] : [[within(scale + up), within(minimum + on)] as const])),
    );
  return refine(parts, start, { least: 0, most: mostCode }, neighbours, refitWithMinimum);
}

/** The same around zero, where a scale may change its sign, too: there is one more code below zero than above. */
export function refineAroundZero(parts: readonly Float32Array[], start: Scales, half: number, mostScale: number): Scales {
  const within = (value: number) => Math.min(mostScale - 1, Math.max(-mostScale, value));
  const neighbours: Neighbours = (scale) => [scale, -scale].flatMap((from) => [-1, 0, 1].map((up) => [within(from + up), 0] as const));
  return refine(parts, start, { least: -half, most: half - 1 }, neighbours, refitAroundZero);
}

type Refit = (parts: readonly Float32Array[], scales: Scales, grid: Grid) => Scales | undefined;

function refine(parts: readonly Float32Array[], start: Scales, grid: Grid, neighbours: Neighbours, refit: Refit): Scales {
  let best = improve(parts, start, grid, neighbours);
  for (let pass = 0; pass < PASSES; pass++) {
    const moved = refit(parts, best.scales, grid);
    const found = moved && improve(parts, moved, grid, neighbours);
    if (!found || !(found.error < best.error)) break;
    best = found;
  }
  return best.scales;
}

/** Each part on its own. */
function improve(parts: readonly Float32Array[], { scales, minima, d, m }: Scales, grid: Grid, neighbours: Neighbours) {
  let error = 0;
  const chosen = parts.map((part, j) => {
    const errorAt = (scale: number, minimum: number) => errorOf(part, fround(d * scale), fround(m * minimum), grid);
    let [scale, minimum] = [scales[j]!, minima[j]!];
    let least = errorAt(scale, minimum);
    for (const [tried, offset] of neighbours(scales[j]!, minima[j]!)) {
      const found = errorAt(tried, offset);
      if (found < least) [scale, minimum, least] = [tried, offset, found];
    }
    error = fround(error + least);
    return { scale, minimum };
  });
  return { scales: { d, m, scales: chosen.map(({ scale }) => scale), minima: chosen.map(({ minimum }) => minimum) }, error };
}

function errorOf(part: Float32Array, scale: number, offset: number, grid: Grid): number {
  const inverse = inverseOf(scale);
  let error = 0;
  for (const x of part) {
    const difference = fround(fround(fround(scale * codeAt(x, offset, inverse, grid)) - offset) - x);
    error = fround(error + fround(difference * difference));
  }
  return error;
}

function inverseOf(scale: number): number {
  return scale === 0 ? 0 : fround(1 / scale);
}

function codeAt(x: number, offset: number, inverse: number, { least, most }: Grid): number {
  return nearestInt(Math.min(most, Math.max(least, fround(fround(x + offset) * inverse))));
}

/** Two halves for given codes; undefined where there are none. Sums of a part are 32-bit floats, those over parts 64-bit ones. */
function refitWithMinimum(parts: readonly Float32Array[], { scales, minima, d, m }: Scales, grid: Grid): Scales | undefined {
  let [aa, ab, bb, xa, xb] = [0, 0, 0, 0, 0];
  parts.forEach((part, j) => {
    const [scale, minimum] = [scales[j]!, minima[j]!];
    const sums = sumsOf(part, scale, fround(d * scale), fround(m * minimum), grid);
    aa += sums.aa;
    ab += minimum * sums.a;
    bb += part.length * minimum * minimum;
    xa += sums.xa;
    xb += minimum * sums.x;
  });
  const determinant = aa * bb - ab * ab;
  if (!(determinant > 0)) return undefined;
  const [scale, minimum] = [asHalf((xa * bb - ab * xb) / determinant), asHalf((ab * xa - aa * xb) / determinant)];
  return scale > 0 && minimum >= 0 ? { scales, minima, d: scale, m: minimum } : undefined;
}

function refitAroundZero(parts: readonly Float32Array[], { scales, minima, d }: Scales, grid: Grid): Scales | undefined {
  let [aa, xa] = [0, 0];
  parts.forEach((part, j) => {
    const sums = sumsOf(part, scales[j]!, fround(d * scales[j]!), 0, grid);
    aa += sums.aa;
    xa += sums.xa;
  });
  const scale = aa > 0 ? asHalf(xa / aa) : 0;
  return scale === 0 ? undefined : { scales, minima, d: scale, m: 0 };
}

function sumsOf(part: Float32Array, code: number, scale: number, offset: number, grid: Grid) {
  const inverse = inverseOf(scale);
  const sums = { a: 0, aa: 0, x: 0, xa: 0 };
  for (const x of part) {
    const a = fround(code * codeAt(x, offset, inverse, grid));
    sums.a = fround(sums.a + a);
    sums.aa = fround(sums.aa + fround(a * a));
    sums.x = fround(sums.x + x);
    sums.xa = fround(sums.xa + fround(x * a));
  }
  return sums;
}

function asHalf(value: number): number {
  return toHalfPrecision(fround(value));
}
