import type { OutputJudge } from './output-judge.ts';
import type { IsPadding } from './padding.ts';
import { type AddSpread, openSpread } from './spread.ts';
import { type Change, indexOf, worstFirst } from './worst.ts';

/** One sample's share in the sums that R², cosine and SQNR are made of. */
interface Share {
  readonly error: number;
  readonly power: number;
  readonly cosine: number;
  readonly steps: number;
  /** Sums of squares about the mean per element, per feature (last axis), and over all. */
  readonly spread: readonly [number, number, number];
}

const NOTHING: Share = { error: 0, power: 0, cosine: 0, steps: 0, spread: [0, 0, 0] };

/** Spread below this part of the power (a deviation of 10⁻⁴ of the size) is the rounding of half floats and the like: the output is constant. */
const CONSTANT = 1e-8;

/** Two equal outputs have no noise at all; this stands for it. */
const NO_NOISE_DB = 200;

/** Of all samples. */
export interface ValueJudgement {
  readonly metric: string;
  readonly value: number;
  readonly cosine: number;
  readonly sqnr: number;
  readonly decisions: number;
  /** Quality of samples drawn again. */
  readonly resample: (chosen: Uint32Array) => number;
  readonly worst: readonly Change[];
}

/** The number of a sample that changed most. */
type Largest = Pick<Change, 'step' | 'at' | 'before' | 'after'> & { readonly difference: number };

/** Which mean the spread is about: each element's own, each feature's (last axis), or one for all. */
type About = 0 | 1 | 2;

/**
 * Agreement of numbers: R² of the candidate against the original, about the original's mean per element. Outputs whose shape changes between samples, or that
 * come once only, have no such mean: theirs is per feature, or over all where the features change, too.
 * @param spreads  false where only cosine and SQNR are wanted, which need none
 */
export function openValueJudge({ spreads: withSpreads = true } = {}): OutputJudge<ValueJudgement> {
  const shares: Share[] = [];
  const largest: Largest[] = [];
  const counts: number[] = [];
  const shapes = new Set<string>();
  const features = new Set<number>();
  let spreads: readonly [AddSpread, AddSpread, AddSpread] | undefined;
  let observations = 0;
  let elements = 0;

  const sum = (chosen: Iterable<number>, about: About) => {
    const total = { error: 0, power: 0, cosine: 0, steps: 0, spread: 0 };
    for (const sample of chosen) {
      const { error, power, cosine, steps, spread } = shares[sample] ?? NOTHING;
      total.error += error;
      total.power += power;
      total.cosine += cosine;
      total.steps += steps;
      total.spread += spread[about];
    }
    return total;
  };

  return {
    add(sample, original, candidate, shape, isPadding) {
      const counted = countedOf(original, isPadding);
      observations += 1;
      shapes.add(shape.join());
      features.add(shape.at(-1) ?? 1);
      if (withSpreads) spreads ??= [openSpread(Math.max(1, original.length)), openSpread(Math.max(1, shape.at(-1) ?? 1)), openSpread(1)];
      const { count, error, power, cosine, farthest } = products(original, candidate, counted);
      counts[sample] = (counts[sample] ?? 0) + count;
      const difference = farthest < 0 ? 0 : Math.abs(original[farthest]! - candidate[farthest]!);
      if (difference > (largest[sample]?.difference ?? 0)) {
        const [before, after] = [{ value: original[farthest]! }, { value: candidate[farthest]! }];
        largest[sample] = { difference, step: shares[sample]?.steps ?? 0, at: indexOf(farthest, shape), before, after };
      }
      const spread = [
        shapes.size === 1 ? (spreads?.[0](original, counted) ?? 0) : 0,
        features.size === 1 ? (spreads?.[1](original, counted) ?? 0) : 0,
        spreads?.[2](original, counted) ?? 0,
      ] as const;
      elements += count;
      shares[sample] = plus(shares[sample] ?? NOTHING, { error, power, cosine, steps: 1, spread });
    },
    result() {
      const repeated = observations > 1;
      const about = repeated && shapes.size === 1 ? 0 : repeated && features.size === 1 ? 1 : 2;
      const total = sum(shares.keys(), about);
      const isConstant = elements < 2 || total.spread <= CONSTANT * total.power;
      return {
        metric: isConstant ? 'relative error of a constant' : 'R²',
        value: quality(total, isConstant),
        cosine: total.steps > 0 ? total.cosine / total.steps : 1,
        sqnr: decibels(total),
        decisions: elements,
        resample: (chosen) => quality(sum(chosen, about), isConstant),
        worst: worstFirst(
          shares.flatMap(({ error, power }, sample) => {
            const change = largest[sample];
            if (!change) return [];
            const { difference: _, ...rest } = change;
            const relative = power > 0 ? Math.sqrt(error / power) : Number.MAX_VALUE;
            return [{ ...rest, sample, severity: error, error: relative, decisions: counts[sample] ?? 0 }];
          }),
        ),
      };
    },
  };
}

/** 1 for every element that counts; undefined where all do. Where the original itself is not finite there is nothing to keep. */
function countedOf(original: ArrayLike<number>, isPadding: IsPadding | undefined): Uint8Array | undefined {
  let counted: Uint8Array | undefined;
  for (let i = 0; i < original.length; i++) {
    if (Number.isFinite(original[i]!) && !isPadding?.(i)) continue;
    counted ??= new Uint8Array(original.length).fill(1);
    counted[i] = 0;
  }
  return counted;
}

function products(original: ArrayLike<number>, candidate: ArrayLike<number>, counted: Uint8Array | undefined) {
  // one by one: lists in such a loop take as long as all the rest
  let count = 0;
  let error = 0;
  let power = 0;
  let other = 0;
  let dot = 0;
  let farthest = -1;
  let most = 0;
  for (let i = 0; i < original.length; i++) {
    if (counted && counted[i] === 0) continue;
    const a = original[i]!;
    const b = candidate[i]!;
    count += 1;
    const square = (a - b) * (a - b);
    if (square > most) {
      farthest = i;
      most = square;
    }
    error += square;
    power += a * a;
    other += b * b;
    dot += a * b;
  }
  const norm = Math.sqrt(power * other);
  const cosine = norm > 0 ? dot / norm : power === other ? 1 : 0;
  return { count, error, power, cosine, farthest };
}

function plus(a: Share, b: Share): Share {
  return {
    error: a.error + b.error,
    power: a.power + b.power,
    cosine: a.cosine + b.cosine,
    steps: a.steps + b.steps,
    spread: [a.spread[0] + b.spread[0], a.spread[1] + b.spread[1], a.spread[2] + b.spread[2]],
  };
}

function quality(
  { error, power, spread }: { readonly error: number; readonly power: number; readonly spread: number },
  isConstant: boolean,
): number {
  if (error === 0) return 1;
  if (isConstant) return power > 0 ? 1 - Math.sqrt(error / power) : 0;
  return spread > 0 ? 1 - error / spread : 0;
}

function decibels({ power, error }: { readonly power: number; readonly error: number }): number {
  if (error === 0) return NO_NOISE_DB;
  return Math.max(-NO_NOISE_DB, Math.min(NO_NOISE_DB, 10 * Math.log10(power / error)));
}
