/** What a model says of texts, a mean for each window. */
export interface Judged {
  /** Of the text that follows, in nats per token. */
  readonly losses: readonly number[];
  /** Kullback-Leibler, from the original's predictions. */
  readonly divergences: readonly number[];
  readonly agreements: readonly number[];
}

/** A ratio, and its standard error. */
export interface Estimate {
  readonly ratio: number;
  readonly error: number;
}

/** Of two models on the same windows. */
export function perplexityRatio(ours: readonly number[], theirs: readonly number[]): Estimate {
  const differences = ours.map((loss, i) => loss - theirs[i]!);
  const ratio = Math.exp(mean(differences));
  return { ratio, error: ratio * standardError(differences) };
}

/** Of two means on the same windows, by the delta method. */
export function ratioOfMeans(ours: readonly number[], theirs: readonly number[]): Estimate {
  const ratio = mean(ours) / mean(theirs);
  return { ratio, error: standardError(ours.map((value, i) => value - ratio * theirs[i]!)) / mean(theirs) };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function standardError(values: readonly number[]): number {
  const center = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - center) ** 2, 0) / (values.length - 1) / values.length);
}
