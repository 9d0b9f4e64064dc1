import type { Step } from '../../packages/tersor/src/core/recipe.ts';
import type { Option } from '../../packages/tersor/src/search/candidates.ts';
import { intervalOf, spearman } from '../../packages/tersor/src/search/spearman.ts';

/** What is known of the answer before layers are ranked: the step that many layers may get, and what sums of errors or bytes to expect. */
interface Expectation {
  readonly anchor: readonly Step[];
  readonly about: 'error' | 'bytes';
  /** The sum over all layers lies between these, as far as is known. */
  readonly between: readonly [least: number, most: number];
}

/** Answers about one layer changed alone. */
interface Oracle {
  /** The truth, for the price of running the model. */
  measure(option: Option): Promise<number>;
  /** A number that rises with it, for the price of computing the weight. */
  predict(option: Option): Promise<number>;
}

/** Of so many layers, one is measured in all its options, to learn from. */
const SPREAD = 6;
/** Predictions whose rank correlation with the truth is not known to be this are not believed. */
const TRUSTWORTHY = 0.8;
/** Prices that options are tried at. */
const PRICES = 9;
/** Errors below are rounding of the runtime itself. */
const LEAST_ERROR = 1e-12;

/** Known to be `error`; otherwise somewhere from `least` to `most`. */
interface Guess {
  readonly option: Option;
  readonly least: number;
  readonly error: number;
  readonly most: number;
}

/** By steps: how errors deviate from predictions, in logarithms. */
type Deviations = ReadonlyMap<Option['steps'], { readonly mean: number; readonly deviation: number }>;

/**
 * The options with their errors, of which only those are measured that could be chosen. In every layer the anchor is measured, and in every sixth all options:
 * they say how errors follow predictions on this model, step by step. An allocation is a matter of one price, of error in bytes: an option is measured where it
 * would be the best of its layer at some price that may turn out to be right, were its error a standard deviation less than predicted and those of the others more.
 * All others get the larger error.
 * @returns undefined where predictions are not in the order of the truth
 */
export async function rankSampled(
  options: readonly (readonly Option[])[],
  { anchor, about, between }: Expectation,
  oracle: Oracle,
): Promise<Option[][] | undefined> {
  const first: Option[][] = [];
  for (const [at, row] of options.entries()) {
    const isWhole = isSpread(at) || !row.some(({ steps }) => steps === anchor);
    first.push(await measured(row, oracle, ({ steps }) => isWhole || steps === anchor));
  }
  const known = (rows: readonly Option[][]) => rows.map((row) => row.filter(({ error }) => Number.isFinite(error)));
  const predictions = new Map<Option, number>();
  for (const row of first) for (const option of row) if (option.steps) predictions.set(option, await oracle.predict(option));
  const deviations = learn(first, anchor, predictions);
  if (!deviations) return undefined;
  const guesses = first.map((row) => guess(row, anchor, predictions, deviations));
  const prices = pricesOf(guesses, about, between);
  const ranked: Option[][] = [];
  for (const row of guesses) {
    const wanted = candidatesAt(row, prices);
    const settled = row.map(({ option, most }) =>
      wanted.has(option) || Number.isFinite(option.error) ? option : { ...option, error: most },
    );
    ranked.push(await measured(settled, oracle, (option) => !Number.isFinite(option.error)));
  }
  return known(ranked);
}

function isSpread(at: number): boolean {
  return at % SPREAD === SPREAD >> 1;
}

/** The row with the errors of those that are `wanted`, without those whose outputs are not finite. */
async function measured(row: readonly Option[], { measure }: Oracle, wanted: (option: Option) => boolean): Promise<Option[]> {
  const found: Option[] = [];
  for (const option of row) {
    const error = option.steps && wanted(option) ? await measure(option) : undefined;
    if (error === undefined) found.push(option);
    else if (Number.isFinite(error)) found.push({ ...option, error });
  }
  return found;
}

/** How errors deviate from predictions in the layers whose options were all measured; undefined where predictions do not tell their order. */
function learn(rows: readonly Option[][], anchor: Expectation['anchor'], predictions: ReadonlyMap<Option, number>): Deviations | undefined {
  const bySteps = new Map<Option['steps'], number[]>();
  const [predicted, errors]: [number[], number[]] = [[], []];
  for (const row of rows.filter((_, at) => isSpread(at))) {
    const from = row.find(({ steps }) => steps === anchor);
    for (const option of row) {
      if (!from || !option.steps || option === from || !Number.isFinite(option.error)) continue;
      const scaled = scaledBy(from, option, predictions);
      bySteps.set(option.steps, [...(bySteps.get(option.steps) ?? []), Math.log(atLeast(option.error) / scaled)]);
      predicted.push(scaled);
      errors.push(option.error);
    }
  }
  const correlation = spearman(predicted, errors);
  if (correlation === undefined || intervalOf(correlation, errors.length)[0] < TRUSTWORTHY) return undefined;
  return new Map([...bySteps].map(([steps, logs]) => [steps, momentsOf(logs)]));
}

function guess(
  row: readonly Option[],
  anchor: Expectation['anchor'],
  predictions: ReadonlyMap<Option, number>,
  deviations: Deviations,
): Guess[] {
  const from = row.find(({ steps }) => steps === anchor);
  return row.map((option) => {
    const { error } = option;
    const known = deviations.get(option.steps);
    if (Number.isFinite(error) || !from || !known) return { option, least: error, error, most: error };
    const expected = scaledBy(from, option, predictions) * Math.exp(known.mean);
    const factor = Math.exp(known.deviation);
    return { option, least: expected / factor, error: expected, most: expected * factor };
  });
}

/** The error of `option` when it is to that of `from`, in the same layer, as their predictions are. */
function scaledBy(from: Option, option: Option, predictions: ReadonlyMap<Option, number>): number {
  return (atLeast(from.error) * atLeast(predictions.get(option) ?? 0)) / atLeast(predictions.get(from) ?? 0);
}

/** Prices of error in bytes, at which sums of the best options of every layer lie in the range. */
function pricesOf(rows: readonly (readonly Guess[])[], about: Expectation['about'], [least, most]: Expectation['between']): number[] {
  const sumAt = (price: number) =>
    rows.reduce((sum, row) => {
      const best = row.reduce((a, b) => (cost(b.option.bytes, b.error, price) < cost(a.option.bytes, a.error, price) ? b : a));
      return sum + (about === 'bytes' ? best.option.bytes : best.error);
    }, 0);
  // As the price rises errors fall and bytes rise.
  const isAbove = (price: number, limit: number) => (about === 'bytes' ? sumAt(price) >= limit : sumAt(price) <= limit);
  const priceOf = (limit: number) => {
    let [low, high] = [Math.log(1e-3), Math.log(1e16)];
    for (let i = 0; i < 60; i++) {
      const middle = (low + high) / 2;
      if (isAbove(Math.exp(middle), limit)) high = middle;
      else low = middle;
    }
    return high;
  };
  const [a, b] = [priceOf(least), priceOf(most)];
  return Array.from({ length: PRICES }, (_, i) => Math.exp(a + ((b - a) * i) / (PRICES - 1)));
}

/** Those that could be the best of their layer at one of the prices. */
function candidatesAt(row: readonly Guess[], prices: readonly number[]): Set<Option> {
  const found = new Set<Option>();
  for (const price of prices) {
    const safe = Math.min(...row.map(({ option, most }) => cost(option.bytes, most, price)));
    for (const { option, least } of row) if (cost(option.bytes, least, price) <= safe) found.add(option);
  }
  return found;
}

function cost(bytes: number, error: number, price: number): number {
  return Number.isFinite(error) ? bytes + price * error : Number.POSITIVE_INFINITY;
}

function atLeast(value: number): number {
  return Math.max(LEAST_ERROR, value);
}

function momentsOf(values: readonly number[]): { readonly mean: number; readonly deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mean, deviation: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length) };
}
