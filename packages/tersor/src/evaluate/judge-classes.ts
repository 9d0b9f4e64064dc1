import type { OutputJudge } from './output-judge.ts';
import { type Change, indexOf, worstFirst } from './worst.ts';

/** Classes that were decided for less often than this are judged together: alone they say nothing. */
const MIN_DECISIONS = 20;

/** Probabilities sum to one within float rounding. */
const SUM_TOLERANCE = 1e-3;

/** So small a part of the whole adds nothing to a divergence. */
const NEGLIGIBLE = 1e-12;

/** The group of all rare classes; no class has a negative index. */
const RARE = -1;

interface Tally {
  readonly decisions: number;
  /** Those of them that the candidate shares. */
  readonly agreed: number;
}

/** What one sample adds. */
interface Share {
  /** By the class that the original decides for. */
  readonly byClass: Map<number, Tally>;
  divergence: number;
  steps: number;
  decisions: number;
  changed: number;
  /** The changed decision of which the original was surest. */
  worst?: Omit<Change, 'sample' | 'changed' | 'decisions'>;
  /** Of samples with one decision. */
  decided?: Decided;
}

/** What both models decide for. */
export interface Decided {
  readonly before: number;
  readonly after: number;
}

export interface ClassJudgement {
  readonly value: number;
  readonly divergence: number;
  readonly decisions: number;
  readonly resample: (chosen: Uint32Array) => number;
  readonly worst: readonly Change[];
  /** By sample; undefined where there was not exactly one decision. */
  readonly decided: readonly (Decided | undefined)[];
}

/**
 * Agreement of decisions: how often both decide for the same class, averaged over the classes that the original decides for, so that a dominant one (a blank)
 * cannot hide the loss of the others.
 * @param axis  of the classes; negative counts from the end
 */
export function openClassJudge(axis: number): OutputJudge<ClassJudgement> {
  const shares: Share[] = [];
  return {
    add(sample, original, candidate, shape, isPadding) {
      const at = axis < 0 ? shape.length + axis : Math.min(axis, shape.length - 1);
      const count = shape[at] ?? 1;
      const stride = shape.slice(at + 1).reduce((product, dim) => product * dim, 1);
      shares[sample] ??= { byClass: new Map(), divergence: 0, steps: 0, decisions: 0, changed: 0 };
      const share = shares[sample];
      const step = share.steps++;
      for (let outer = 0; outer < original.length; outer += count * stride) {
        for (let start = outer; start < outer + stride; start++) {
          if (isPadding?.(start)) continue;
          const decided = largest(original, start, count, stride);
          const other = largest(candidate, start, count, stride);
          addTo(share.byClass, decided, { decisions: 1, agreed: other === decided ? 1 : 0 });
          share.divergence += divergence(original, candidate, start, count, stride);
          if (++share.decisions === 1) share.decided = { before: decided, after: other };
          if (other === decided) continue;
          share.changed++;
          const scale = scaleOf(original, start, count, stride);
          const sure = (id: number) => Math.exp(logOf(original[start + id * stride]!, scale));
          const severity = sure(decided) - sure(other);
          if (share.worst && share.worst.severity >= severity) continue;
          const newScale = scaleOf(candidate, start, count, stride);
          share.worst = {
            severity,
            step,
            at: indexOf(start, shape).filter((_, axis) => axis !== at),
            before: { class: decided, value: sure(decided) },
            after: { class: other, value: Math.exp(logOf(candidate[start + other * stride]!, newScale)) },
          };
        }
      }
    },
    result: () => judge(shares),
  };
}

function judge(shares: readonly Share[]): ClassJudgement {
  const totals = new Map<number, Tally>();
  for (const { byClass } of shares) for (const [id, tally] of byClass) addTo(totals, id, tally);
  const grouped = shares.map(({ byClass }) => {
    const groups = new Map<number, Tally>();
    for (const [id, tally] of byClass) addTo(groups, (totals.get(id)?.decisions ?? 0) < MIN_DECISIONS ? RARE : id, tally);
    return groups;
  });
  const agreement = (chosen: Iterable<number>) => {
    const sums = new Map<number, Tally>();
    for (const sample of chosen) for (const [group, tally] of grouped[sample] ?? []) addTo(sums, group, tally);
    const rates = [...sums.values()].map(({ decisions, agreed }) => agreed / decisions);
    return rates.length > 0 ? rates.reduce((sum, rate) => sum + rate, 0) / rates.length : 1;
  };
  const decisions = [...totals.values()].reduce((sum, tally) => sum + tally.decisions, 0);
  const apart = shares.reduce((sum, share) => sum + share.divergence, 0);
  return {
    value: agreement(shares.keys()),
    divergence: decisions > 0 ? apart / decisions : 0,
    decisions,
    resample: agreement,
    worst: worstFirst(
      shares.flatMap((share, sample) =>
        share.worst ? [{ ...share.worst, sample, changed: share.changed, decisions: share.decisions }] : [],
      ),
    ),
    decided: shares.map((share) => (share.decisions === 1 ? share.decided : undefined)),
  };
}

function addTo(tallies: Map<number, Tally>, key: number, { decisions, agreed }: Tally): void {
  const before = tallies.get(key);
  tallies.set(key, { decisions: (before?.decisions ?? 0) + decisions, agreed: (before?.agreed ?? 0) + agreed });
}

function largest(scores: ArrayLike<number>, start: number, count: number, stride: number): number {
  let best = 0;
  for (let c = 1; c < count; c++) if (scores[start + c * stride]! > scores[start + best * stride]!) best = c;
  return best;
}

/** Kullback-Leibler divergence of the candidate's distribution from the original's, nats. Scores that are no probabilities go through softmax. */
function divergence(original: ArrayLike<number>, candidate: ArrayLike<number>, start: number, count: number, stride: number): number {
  const p = scaleOf(original, start, count, stride);
  const q = scaleOf(candidate, start, count, stride);
  const end = start + count * stride;
  let sum = 0;
  for (let at = start; at < end; at += stride) {
    if (original[at]! < p.negligible) continue;
    const logP = logOf(original[at]!, p);
    sum += Math.exp(logP) * (logP - Math.max(logOf(candidate[at]!, q), -100));
  }
  return Number.isFinite(sum) ? Math.max(0, sum) : 0;
}

/** How the scores of one decision become logarithms of probabilities. */
interface Scale {
  readonly areProbabilities: boolean;
  /** Logarithm of the sum of exponentials. */
  readonly shift: number;
  /** Scores below it stand for less than 10⁻¹² of probability. */
  readonly negligible: number;
}

function scaleOf(scores: ArrayLike<number>, start: number, count: number, stride: number): Scale {
  const end = start + count * stride;
  let peak = Number.NEGATIVE_INFINITY;
  let least = Number.POSITIVE_INFINITY;
  let sum = 0;
  for (let at = start; at < end; at += stride) {
    const score = scores[at]!;
    if (score > peak) peak = score;
    if (score < least) least = score;
    sum += score;
  }
  if (least >= 0 && Math.abs(sum - 1) <= SUM_TOLERANCE) return { areProbabilities: true, shift: 0, negligible: NEGLIGIBLE };
  let total = 0;
  for (let at = start; at < end; at += stride) total += Math.exp(scores[at]! - peak);
  const shift = peak + Math.log(total);
  return { areProbabilities: false, shift, negligible: shift + Math.log(NEGLIGIBLE) };
}

function logOf(score: number, { areProbabilities, shift }: Scale): number {
  return areProbabilities ? Math.log(Math.max(score, 1e-40)) : score - shift;
}
