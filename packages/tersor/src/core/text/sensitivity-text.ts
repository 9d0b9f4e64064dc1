import type { Choice } from '../choice.ts';
import type { Allocation, PredictorReport, Sensitivity } from '../sensitivity.ts';
import { bytesText, percentText } from './units.ts';

/** "0.0123", "4.5e-6". */
export function lossText(loss: number): string {
  if (loss === 0) return '0';
  return Math.abs(loss) < 1e-4 || Math.abs(loss) >= 1e4 ? loss.toExponential(1) : loss.toPrecision(2);
}

/** Scales are halves unless said otherwise. */
export function shortName(name: string): string {
  return name.replace(', f16 scales', '');
}

export function measureText({ measure }: Pick<Sensitivity, 'measure'>): string {
  return measure === 'divergence'
    ? 'the Kullback-Leibler divergence of the outputs from what they were, in nats'
    : 'the share of the variance of the outputs that is lost';
}

/** "0.93 (0.90 to 0.95)". */
export function correlationText({ correlation, interval }: PredictorReport): string {
  if (correlation === undefined || !interval) return 'too little to tell';
  return `${correlation.toFixed(2)} (${interval.map((end) => end.toFixed(2)).join(' to ')})`;
}

/** What may be decided by which predictor. */
export function trustText({ predictors, inputs }: Sensitivity): string {
  const best = (trusted: PredictorReport['trusted']) => predictors.find((predictor) => predictor.trusted === trusted)?.id;
  const [everything, steps] = [best('everything'), best('steps')];
  if (everything) return `${everything} may be trusted here: it puts layers and steps in the order of what they lose`;
  if (steps) return `${steps} may be trusted here to compare steps, but not to tell sensitive layers from others: measure those`;
  return `none of them may be trusted here: measure${inputs.evidence === 'data' ? '' : ', on data'}`;
}

/** "within a loss of 0.01: 3.1 MB, 0.0098 added up, 0.012 measured together, a drop of 0.3 %". */
export function allocationText({ limit, bytes, loss, measured }: Allocation): string {
  const within = 'loss' in limit ? `a loss of ${lossText(limit.loss)}` : `a file of ${bytesText(limit.bytes)}`;
  const together = measured ? `, ${lossText(measured.loss)} measured together, a drop of ${percentText(measured.drop)}` : '';
  return `within ${within}: ${bytesText(bytes)} of weights; losses add up to ${lossText(loss)}${together}`;
}

/** How many layers nothing is known of; undefined where there are none. */
export function unreachedText({ layers, complete }: Sensitivity): string | undefined {
  const count = complete ? layers.filter(({ candidates }) => candidates.every(({ loss }) => loss === undefined)).length : 0;
  if (count === 0) return undefined;
  const [are, they, each] = count === 1 ? ['layer is', 'it', 'it'] : ['layers are', 'they', 'each'];
  return `${count} ${are} reached by no sample: what ${they} can bear is not known, and ${each} gets what a layer in the middle would`;
}

/** Why a layer gets what it gets: what its nearest alternatives would change. */
export function reasonText({ smaller, better }: Choice): string {
  return [
    smaller && `${shortName(smaller.name)} would save ${bytesText(-smaller.bytes)} and lose ${lossText(smaller.loss)} more`,
    better && `${shortName(better.name)} would take ${bytesText(better.bytes)} to lose ${lossText(-better.loss)} less`,
  ]
    .filter(Boolean)
    .join('; ');
}

const COLUMNS = ['layer', 'kind', 'shape', 'weights', 'bytes before', 'step', 'stored as', 'bytes', 'loss', 'chosen'] as const;

/** A line for each layer and step, with every predictor as a further column. Source: RFC 4180. */
export function sensitivityCsv({ layers, tried, predictors, allocation }: Sensitivity): string {
  const ids = predictors.map(({ id }) => id);
  const rows = layers.flatMap(({ id, kind, shape, bytes, candidates }, at) =>
    candidates.map((candidate) => {
      const { steps, name } = tried[candidate.tried]!;
      const weights = shape.reduce((product, length) => product * length, 1);
      const chosen = allocation ? Number(allocation.choices[at]?.name === name) : '';
      const fixed = [id, kind, shape.join('x'), weights, bytes, JSON.stringify(steps), name, candidate.bytes, candidate.loss ?? '', chosen];
      return [...fixed, ...ids.map((predictor) => candidate.predicted[predictor] ?? '')];
    }),
  );
  return [[...COLUMNS, ...ids], ...rows].map((row) => `${row.map(cell).join(',')}\r\n`).join('');
}

/** What a spreadsheet would take for a formula stays text. */
function cell(value: string | number): string {
  if (typeof value === 'number') return String(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
