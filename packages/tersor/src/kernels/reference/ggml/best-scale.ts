import { NOTHING } from './arithmetic.ts';
import { asHalf, errorOf, inverseOf, type Levels, roundedBy } from './refine.ts';
import { stretchWithin } from './stretch.ts';

const { fround } = Math;

/** Values, and what their errors count. */
interface Part {
  readonly values: Float32Array;
  readonly weights: Float32Array;
}

/** How far the extreme value is brought beyond the last level, where it is cut: `first`, and so on in steps. */
export interface Cuts {
  readonly first: number;
  readonly step: number;
  readonly count: number;
}

/** For levels of so many bits. */
export const CUTS = {
  4: { first: 0.94, step: 0.03, count: 11 },
  5: { first: 0.97, step: 0.02, count: 9 },
  8: { first: 0.997, step: 0.003, count: 6 },
} as const satisfies Record<number, Cuts>;

function cutAt({ first, step }: Cuts, i: number): number {
  return fround(fround(first) + fround(fround(step) * i));
}

/** A scale that codes follow from, and what is written for it then: see `stretchWithin`. */
interface Stretched<T> {
  readonly best: T;
  readonly written: T;
}

/** Every fourth value together, as the twins sum up blocks that lie alone. */
export function inLanes({ values, weights }: Part): Part[] {
  const lane = (all: Float32Array, first: number) => all.filter((_, i) => i % 4 === first);
  return [0, 1, 2, 3].map((first) => ({ values: lane(values, first), weights: lane(weights, first) }));
}

/**
 * A half as scale that has a smaller error than `start`: the extreme value becomes each of the `ends` of the levels, or is cut off there, and the scale
 * follows by least squares. Sums run over each of the `parts`, and then over them.
 *
 * Bound: the weighted squared error is never larger than with `start`.
 */
export function bestScale(
  parts: readonly Part[],
  extreme: number,
  start: number,
  levels: Levels,
  ends: readonly number[],
  cuts: Cuts,
): Stretched<number> {
  if (Math.abs(extreme) < NOTHING) return { best: start, written: start };
  const errorWith = (scale: number, written = scale) => total(parts, (part) => errorOf(part, scale, 0, levels, written));
  let [most, found] = [0, 0];
  for (const end of ends) {
    for (let i = 0; i < cuts.count; i++) {
      const { lx, ll } = explained(parts, fround(fround(cutAt(cuts, i) * end) / extreme), levels);
      const scale = ll > 0 ? fround(lx / ll) : 0;
      const gain = fround(scale * lx);
      if (gain > most) [most, found] = [gain, scale];
    }
  }
  let best = start;
  const within = errorWith(start);
  let least = within;
  for (let pass = 0; pass < 2; pass++) {
    const scale = asHalf(found);
    const error = errorWith(scale);
    if (error < least) [best, least] = [scale, error];
    const { lx, ll } = explained(parts, inverseOf(scale), levels);
    found = ll > 0 ? fround(lx / ll) : 0;
  }
  const sums = parts.map((part) => roundedBy(part, best, 0, levels));
  const [error, product, square] = [total(sums, (sum) => sum.error), total(sums, (sum) => sum.product), total(sums, (sum) => sum.square)];
  const written = asHalf(best * stretchWithin({ error, product, square }, within));
  return { best, written: errorWith(best, written) <= within ? written : best };
}

/** In 32-bit floats, in order. */
function total<T>(all: readonly T[], of: (one: T) => number): number {
  return all.reduce((sum, one) => fround(sum + of(one)), 0);
}

function explained(parts: readonly Part[], inverse: number, levels: Levels) {
  const sums = parts.map((part) => explainedIn(part, inverse, levels));
  return { lx: total(sums, ({ lx }) => lx), ll: total(sums, ({ ll }) => ll) };
}

function explainedIn({ values, weights }: Part, inverse: number, levels: Levels) {
  let [lx, ll] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    const level = levels(fround(inverse * values[i]!));
    const weighted = fround(weights[i]! * level);
    lx = fround(lx + fround(weighted * values[i]!));
    ll = fround(ll + fround(weighted * level));
  }
  return { lx, ll };
}

/** Two halves: values are `scale * level + minimum`. */
export interface Line {
  readonly scale: number;
  readonly minimum: number;
}

/** As `bestScale`, with a minimum, for levels from 0 to `most`: both ends of the range are cut off by as much. */
export function bestLine(part: Part, start: Line, levels: Levels, most: number, cuts: Cuts): Stretched<Line> {
  const { values } = part;
  let [low, high] = [values[0]!, values[0]!];
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  const range = fround(high - low);
  if (!(range > 0)) return { best: start, written: start };
  let best = start;
  const within = errorOf(part, start.scale, -start.minimum, levels);
  let least = within;
  let found = start;
  let smallest = Number.POSITIVE_INFINITY;
  const middle = fround(fround(low + high) * 0.5);
  for (let i = 0; i < cuts.count; i++) {
    const inverse = fround(fround(cutAt(cuts, i) * most) / range);
    const line = lineThrough(part, inverse, fround(fround(fround(most * 0.5) / inverse) - middle), levels);
    const error = line ? errorOf(part, line.scale, -line.minimum, levels) : Number.POSITIVE_INFINITY;
    if (line && error < smallest) [found, smallest] = [line, error];
  }
  for (let pass = 0; pass < 2; pass++) {
    const line = { scale: asHalf(found.scale), minimum: asHalf(found.minimum) };
    const error = errorOf(part, line.scale, -line.minimum, levels);
    if (error < least) [best, least] = [line, error];
    found = lineThrough(part, inverseOf(line.scale), -line.minimum, levels) ?? found;
  }
  return { best, written: stretch(part, best, levels, within) };
}

function stretch(part: Part, { scale, minimum }: Line, levels: Levels, within: number): Line {
  const by = stretchWithin(roundedBy(part, scale, -minimum, levels), within);
  const next = { scale: asHalf(scale * by), minimum: asHalf(minimum * by) };
  return errorOf(part, scale, -minimum, levels, next.scale, -next.minimum) <= within ? next : { scale, minimum };
}

/** By least squares, for the codes of `(x + offset) * inverse`; undefined where there is none. */
function lineThrough({ values, weights }: Part, inverse: number, offset: number, levels: Levels): Line | undefined {
  let [w, a, aa, x, xa] = [0, 0, 0, 0, 0];
  for (let i = 0; i < values.length; i++) {
    const [value, weight] = [values[i]!, weights[i]!];
    const level = levels(fround(fround(value + offset) * inverse));
    const weighted = fround(weight * level);
    w = fround(w + weight);
    a = fround(a + weighted);
    aa = fround(aa + fround(weighted * level));
    x = fround(x + fround(weight * value));
    xa = fround(xa + fround(weighted * value));
  }
  const determinant = fround(fround(w * aa) - fround(a * a));
  if (!(determinant > 0)) return undefined;
  return {
    scale: fround(fround(fround(w * xa) - fround(x * a)) / determinant),
    minimum: fround(fround(fround(aa * x) - fround(a * xa)) / determinant),
  };
}
