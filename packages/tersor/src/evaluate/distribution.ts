/** Probabilities sum to one within float rounding. */
const SUM_TOLERANCE = 1e-3;

/** So small a part of the whole adds nothing to a divergence. */
const NEGLIGIBLE = 1e-12;

/** Less than that is taken for it: no divergence is infinite. */
const LEAST_PROBABILITY = 1e-40;
const LEAST_LOG = -100;

/** Where the scores of one decision lie: `count` of them, from `start` on, `stride` apart. */
export interface Place {
  readonly start: number;
  readonly count: number;
  readonly stride: number;
}

/** One decision, and how its scores become logarithms of probabilities. */
export interface Decision {
  /** The class with the largest score, the first of equals. */
  readonly decided: number;
  readonly areProbabilities: boolean;
  /** Logarithm of the sum of exponentials. */
  readonly shift: number;
}

/** The original's side of a divergence, by class; a class that adds nothing has the weight 0. */
export interface Distribution extends Decision {
  readonly weights: Float64Array;
  readonly logs: Float64Array;
}

/** Scores that are no probabilities go through softmax. */
export function decisionAt(scores: ArrayLike<number>, { start, count, stride }: Place): Decision {
  const end = start + count * stride;
  let best = start;
  let peak = Number.NEGATIVE_INFINITY;
  let least = Number.POSITIVE_INFINITY;
  let sum = 0;
  for (let at = start; at < end; at += stride) {
    const score = scores[at]!;
    if (score > peak) {
      peak = score;
      best = at;
    }
    if (score < least) least = score;
    sum += score;
  }
  // nothing is larger than what is no number
  const decided = Number.isNaN(scores[start]!) ? 0 : (best - start) / stride;
  if (least >= 0 && Math.abs(sum - 1) <= SUM_TOLERANCE) return { decided, areProbabilities: true, shift: 0 };
  let total = 0;
  for (let at = start; at < end; at += stride) total += Math.exp(scores[at]! - peak);
  return { decided, areProbabilities: false, shift: peak + Math.log(total) };
}

export function distributionAt(scores: ArrayLike<number>, place: Place): Distribution {
  const decision = decisionAt(scores, place);
  const { start, count, stride } = place;
  const { areProbabilities, shift } = decision;
  const negligible = areProbabilities ? NEGLIGIBLE : shift + Math.log(NEGLIGIBLE);
  const [weights, logs] = [new Float64Array(count), new Float64Array(count)];
  for (let c = 0, at = start; c < count; c++, at += stride) {
    if (scores[at]! < negligible) continue;
    const log = logOf(scores[at]!, decision);
    logs[c] = log;
    weights[c] = Math.exp(log);
  }
  return { ...decision, weights, logs };
}

/** Kullback-Leibler divergence of the candidate's distribution from the original's, nats. */
export function divergence(original: Distribution, candidate: ArrayLike<number>, { start, stride }: Place, decision: Decision): number {
  const { weights, logs } = original;
  const { areProbabilities, shift } = decision;
  let sum = 0;
  if (areProbabilities) {
    for (let c = 0, at = start; c < weights.length; c++, at += stride) {
      const weight = weights[c]!;
      if (weight === 0) continue;
      sum += weight * (logs[c]! - Math.log(Math.max(candidate[at]!, LEAST_PROBABILITY)));
    }
  } else {
    for (let c = 0, at = start; c < weights.length; c++, at += stride)
      if (weights[c] !== 0) sum += weights[c]! * (logs[c]! - Math.max(candidate[at]! - shift, LEAST_LOG));
  }
  return Number.isFinite(sum) ? Math.max(0, sum) : 0;
}

export function logOf(score: number, { areProbabilities, shift }: Decision): number {
  return areProbabilities ? Math.log(Math.max(score, LEAST_PROBABILITY)) : score - shift;
}
