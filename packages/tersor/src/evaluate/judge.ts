import type { Feeds, Value } from '../core/engine.ts';
import { TersorError } from '../core/error.ts';
import { numbersOf } from '../core/numbers.ts';
import type { Answer, OutputQuality, QualityReport, WorstSample } from '../core/report.ts';
import type { Sample, Samples } from '../core/samples.ts';
import { bootstrap } from './bootstrap.ts';
import type { Distribution } from './distribution.ts';
import { type ClassJudgement, openClassJudge } from './judge-classes.ts';
import { firstName, judgeLabels } from './judge-labels.ts';
import { openValueJudge, type ValueJudgement } from './judge-values.ts';
import type { RunMemory } from './memory.ts';
import type { OutputJudge } from './output-judge.ts';
import type { OutputKind } from './output-kinds.ts';
import { paddingOf } from './padding.ts';
import { subsetsOf } from './subsets.ts';
import type { Change } from './worst.ts';

/** What is kept of one output while samples pass by. */
interface Entry {
  readonly name: string;
  readonly kind: OutputQuality['kind'];
  readonly values: OutputJudge<ValueJudgement>;
  readonly classes?: OutputJudge<ClassJudgement>;
  /** What makes the output worthless, whatever its numbers. */
  broken?: string;
}

interface Verdict {
  readonly quality: OutputQuality;
  readonly resample: (chosen: Uint32Array) => number;
  readonly worst: readonly Change[];
  readonly decided?: ClassJudgement['decided'];
}

/** What was judged, for the report; without samples, it names none. */
export type JudgedSamples = Pick<Samples, 'evidence' | 'source'> & Partial<Pick<Samples, 'samples' | 'classes'>>;

/** Compares a model's outputs with the original's, sample by sample; keeps sums, no outputs. */
export interface Judge {
  /**
   * One run of both models on the same feeds. `sample` counts from 0; the steps of a sequence share one.
   * @param memory  of the original's run, where that is compared with others, too
   */
  add(sample: number, original: Feeds, candidate: Feeds, feeds: Feeds, memory?: RunMemory): void;
  report(about: JudgedSamples, seed?: number, subsets?: number): QualityReport;
}

/**
 * Judges every output by its kind: decisions by agreement, numbers by R², state not at all.
 * An output that is missing, or has another shape than the original's, is worth nothing.
 */
export function openJudge(kinds: ReadonlyMap<string, OutputKind>): Judge {
  const entries = [...kinds].flatMap(([name, { kind, axis }]): Entry[] =>
    kind === 'state'
      ? []
      : [
          {
            name,
            kind,
            values: openValueJudge({ spreads: kind === 'value' }),
            ...(kind === 'classes' && { classes: openClassJudge(axis) }),
          },
        ],
  );
  let samples = 0;
  return {
    add(sample, original, candidate, feeds, memory) {
      samples = Math.max(samples, sample + 1);
      for (const entry of entries) compare(entry, sample, original[entry.name], candidate[entry.name], feeds, memory);
    },
    report({ evidence, source, samples: about = [], classes }, seed = 0, parts = 0) {
      const judged = entries.map(verdict);
      const [first, ...others] = judged;
      if (!first || samples === 0)
        throw new TersorError(
          'DATA_INVALID',
          source,
          'there is nothing to compare',
          'no output is judged: name one with --output name=value',
        );
      const worst = others.reduce((least, next) => (next.quality.value < least.quality.value ? next : least), first);
      const { value, metric, decisions } = worst.quality;
      const [low, high] = intervalOf(worst, samples, seed);
      const decided = judged.find(({ decided }) => decided?.some((decision) => decision))?.decided;
      const labelled = decided && judgeLabels(decided, about, { seed, ...(classes && { classes }) });
      const subsets = parts > 0 ? subsetsOf(about, parts, seed, worst.resample) : undefined;
      const metricName = judged.length > 1 ? `${metric} of ${worst.quality.name}` : metric;
      return {
        metric: metricName,
        value,
        drop: 1 - value,
        interval: [1 - high, 1 - low],
        decisions,
        samples,
        evidence,
        source,
        outputs: judged.map(({ quality }) => quality),
        ...(about.length > 0 &&
          worst.worst.length > 0 && { worst: worst.worst.map((change) => toWorst(change, worst.quality.name, about, classes)) }),
        ...(labelled && { labelled }),
        ...(subsets && { subsets }),
      };
    },
  };
}

/**
 * The 95 % interval of an output's quality. Samples without any disagreement, drawn again, never disagree: there the rule of three says what may still be
 * (Hanley and Lippman-Hand 1983). One sample says nothing of others.
 */
function intervalOf({ quality, resample }: Verdict, samples: number, seed: number): readonly [number, number] {
  if (quality.kind === 'classes' && quality.value === 1) return [Math.max(0, 1 - 3 / Math.max(1, quality.decisions)), 1];
  if (samples < 2) return [Math.min(0, quality.value), 1];
  return bootstrap(samples, seed, resample);
}

function compare(
  entry: Entry,
  sample: number,
  original: Value | undefined,
  candidate: Value | undefined,
  feeds: Feeds,
  memory: RunMemory | undefined,
): void {
  const a = original && numbersOf(original);
  if (!original || !a) return;
  const b = candidate && numbersOf(candidate);
  if (!b || candidate.shape.join() !== original.shape.join()) {
    entry.broken ??= "another shape than the original's";
    return;
  }
  const isPadding = paddingOf(feeds, original);
  if (!entry.broken && turnsInfinite(a, b)) entry.broken = 'not finite where the original is';
  entry.values.add(sample, a, b, original.shape, isPadding);
  const recall = memory && ((start: number, make: () => Distribution) => memory.recall(entry.name, start, make));
  entry.classes?.add(sample, a, b, original.shape, isPadding, recall);
}

function verdict({ name, kind, values, classes, broken }: Entry): Verdict {
  const numbers = values.result();
  if (broken) {
    const quality = { name, kind, metric: broken, value: 0, cosine: 0, sqnr: 0, decisions: numbers.decisions, broken: true };
    return { quality, resample: () => 0, worst: [] };
  }
  const { cosine, sqnr } = numbers;
  if (!classes) {
    const { metric, value, decisions, resample, worst } = numbers;
    return { quality: { name, kind, metric, value, cosine, sqnr, decisions }, resample, worst };
  }
  const { value, divergence, decisions, resample, worst, decided } = classes.result();
  return { quality: { name, kind, metric: 'top-1 agreement', value, cosine, sqnr, divergence, decisions }, resample, worst, decided };
}

function toWorst(
  { sample, severity: _, step, before, after, ...change }: Change,
  output: string,
  samples: readonly Sample[],
  classes: readonly string[] | undefined,
): WorstSample {
  const { id, steps, labels } = samples[sample] ?? { id: String(sample), steps: [] };
  const named = (answer: Answer): Answer => {
    const name = answer.class === undefined ? undefined : firstName(classes?.[answer.class]);
    return name === undefined ? answer : { ...answer, name };
  };
  return {
    id,
    output,
    ...(steps.length > 1 && { step }),
    ...change,
    before: named(before),
    after: named(after),
    ...(labels && { labels }),
  };
}

function turnsInfinite(original: ArrayLike<number>, candidate: ArrayLike<number>): boolean {
  for (let i = 0; i < original.length; i++) if (!Number.isFinite(candidate[i]!) && Number.isFinite(original[i]!)) return true;
  return false;
}
