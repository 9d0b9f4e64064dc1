import type { ClassDelta, LabelledQuality } from '../core/report.ts';
import type { Sample } from '../core/samples.ts';
import { bootstrap } from './bootstrap.ts';
import type { Decided } from './judge-classes.ts';

export interface LabelOptions {
  /** Names of the classes, in the order of the output. */
  readonly classes?: readonly string[];
  readonly seed: number;
}

interface Judged {
  readonly label: string;
  readonly before: boolean;
  readonly after: boolean;
}

/**
 * How often both models are right, and for which labels that changed. Labels are numbers of classes, or names that `classes` has; undefined when no
 * sample with a single decision has one.
 */
export function judgeLabels(
  decided: readonly (Decided | undefined)[],
  samples: readonly Sample[],
  { classes, seed }: LabelOptions,
): LabelledQuality | undefined {
  const numbers = numbersOfClasses(classes ?? []);
  const judged = samples.flatMap(({ labels = [] }, index): Judged[] => {
    const decision = decided[index];
    const right = labels.flatMap((label) => numberOf(label, numbers) ?? []);
    const [first] = right;
    if (!decision || first === undefined) return [];
    return [
      {
        label: firstName(classes?.[first]) ?? String(labels[0]),
        before: right.includes(decision.before),
        after: right.includes(decision.after),
      },
    ];
  });
  if (judged.length === 0) return undefined;
  const share = (hits: number) => hits / judged.length;
  const interval = bootstrap(judged.length, seed, (chosen) => {
    let sum = 0;
    for (const index of chosen) sum += Number(judged[index]!.after) - Number(judged[index]!.before);
    return sum / chosen.length;
  });
  return {
    metric: 'top-1',
    samples: judged.length,
    before: share(judged.filter(({ before }) => before).length),
    after: share(judged.filter(({ after }) => after).length),
    interval,
    lost: judged.filter(({ before, after }) => before && !after).length,
    won: judged.filter(({ before, after }) => !before && after).length,
    classes: byClass(judged),
  };
}

function byClass(judged: readonly Judged[]): ClassDelta[] {
  const groups = new Map<string, Judged[]>();
  for (const each of judged) {
    const group = groups.get(each.label);
    if (group) group.push(each);
    else groups.set(each.label, [each]);
  }
  const deltas = [...groups].map(([label, members]) => ({
    label,
    samples: members.length,
    before: members.filter(({ before }) => before).length / members.length,
    after: members.filter(({ after }) => after).length / members.length,
  }));
  const change = ({ before, after, samples }: ClassDelta) => (after - before) * samples;
  return deltas.sort((a, b) => change(a) - change(b) || (a.label < b.label ? -1 : 1));
}

/** "tench" of "tench, Tinca tinca": the others say the same. */
export function firstName(name: string | undefined): string | undefined {
  return name?.split(',')[0];
}

/** The number of a class by its name, also by one of several with commas between them, as ImageNet has them. */
function numbersOfClasses(classes: readonly string[]): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  for (const [index, name] of classes.entries()) {
    for (const part of [name, ...name.split(',')]) {
      const key = keyOf(part);
      if (!numbers.has(key)) numbers.set(key, index);
    }
  }
  return numbers;
}

function numberOf(label: string | number, numbers: ReadonlyMap<string, number>): number | undefined {
  if (typeof label === 'number') return label;
  return numbers.get(keyOf(label)) ?? (/^\d{1,9}$/.test(label) ? Number(label) : undefined);
}

/** "Tree_Frog" is "tree frog". */
function keyOf(name: string): string {
  return name
    .trim()
    .toLowerCase()
    .replaceAll(/[_\s-]+/g, ' ');
}
