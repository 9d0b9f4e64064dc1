import { decisionAt, distributionAt, divergence, logOf, type Place } from './distribution.ts';
import type { OutputJudge } from './output-judge.ts';
import { type Change, indexOf, worstFirst } from './worst.ts';

/** Classes that were decided for less often than this are judged together: alone they say nothing. */
const MIN_DECISIONS = 20;

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
    add(sample, original, candidate, shape, isPadding, recall = (_start, make) => make()) {
      const at = axis < 0 ? shape.length + axis : Math.min(axis, shape.length - 1);
      const count = shape[at] ?? 1;
      const stride = shape.slice(at + 1).reduce((product, dim) => product * dim, 1);
      shares[sample] ??= { byClass: new Map(), divergence: 0, steps: 0, decisions: 0, changed: 0 };
      const share = shares[sample];
      const step = share.steps++;
      for (let outer = 0; outer < original.length; outer += count * stride) {
        for (let start = outer; start < outer + stride; start++) {
          if (isPadding?.(start)) continue;
          const place: Place = { start, count, stride };
          const before = recall(start, () => distributionAt(original, place));
          const after = decisionAt(candidate, place);
          const [decided, other] = [before.decided, after.decided];
          addTo(share.byClass, decided, { decisions: 1, agreed: other === decided ? 1 : 0 });
          share.divergence += divergence(before, candidate, place, after);
          if (++share.decisions === 1) share.decided = { before: decided, after: other };
          if (other === decided) continue;
          share.changed++;
          const sure = (id: number) => Math.exp(logOf(original[start + id * stride]!, before));
          const severity = sure(decided) - sure(other);
          if (share.worst && share.worst.severity >= severity) continue;
          share.worst = {
            severity,
            step,
            at: indexOf(start, shape).filter((_, axis) => axis !== at),
            before: { class: decided, value: sure(decided) },
            after: { class: other, value: Math.exp(logOf(candidate[start + other * stride]!, after)) },
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
