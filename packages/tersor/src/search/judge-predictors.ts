import type { LayerSensitivity, PredictorReport } from '../core/sensitivity.ts';
import type { Predictor } from './predictors/predictor.ts';
import { intervalOf, spearman } from './spearman.ts';

/** A correlation that is at least this, as far as can be told, is one to decide by. */
const TRUSTWORTHY = 0.8;

/** A loss that was measured, and what was predicted. */
interface Pair {
  readonly tried: number;
  readonly loss: number;
  readonly predicted: Readonly<Record<string, number>>;
}

/** How far each predictor tells the truth on this model; the best one first. */
export function judgePredictors(predictors: readonly Predictor[], layers: readonly LayerSensitivity[]): PredictorReport[] {
  const pairs = layers.flatMap(({ candidates }) =>
    candidates.flatMap(({ tried, loss, predicted }): Pair[] => (loss === undefined ? [] : [{ tried, loss, predicted }])),
  );
  const reports = predictors.map((predictor) => judge(predictor, pairs));
  return reports.sort((a, b) => (b.correlation ?? -1) - (a.correlation ?? -1));
}

function judge({ id, summary, source }: Predictor, all: readonly Pair[]): PredictorReport {
  const pairs = all.filter(({ predicted }) => predicted[id] !== undefined);
  const correlation = correlationOf(id, pairs);
  const steps = [...new Set(pairs.map(({ tried }) => tried))].map((tried) => pairs.filter((pair) => pair.tried === tried));
  const within = steps.flatMap((some) => correlationOf(id, some) ?? []);
  const withinSteps = within.length === 0 ? undefined : within.reduce((sum, each) => sum + each, 0) / within.length;
  const interval = correlation === undefined ? undefined : intervalOf(correlation, pairs.length);
  const trusts = interval !== undefined && interval[0] >= TRUSTWORTHY;
  return {
    id,
    summary,
    source,
    ...(correlation !== undefined && { correlation }),
    ...(interval && { interval }),
    ...(withinSteps !== undefined && { withinSteps }),
    pairs: pairs.length,
    trusted: !trusts ? 'nothing' : (withinSteps ?? 0) >= TRUSTWORTHY ? 'everything' : 'steps',
  };
}

function correlationOf(id: string, pairs: readonly Pair[]): number | undefined {
  return spearman(
    pairs.map(({ predicted }) => predicted[id] ?? 0),
    pairs.map(({ loss }) => loss),
  );
}
