/** Fewer pairs say nothing of a correlation: its interval has no bounds. */
const LEAST_PAIRS = 4;

/**
 * Spearman's rank correlation: Pearson's, of ranks; values that are equal share the mean of theirs.
 * @returns undefined for fewer than 4 pairs, or where all values of one side are equal
 * Source: Spearman 1904, The proof and measurement of association between two things
 */
export function spearman(a: readonly number[], b: readonly number[]): number | undefined {
  if (a.length !== b.length || a.length < LEAST_PAIRS) return undefined;
  const [x, y] = [ranksOf(a), ranksOf(b)];
  const middle = (a.length - 1) / 2;
  let [xy, xx, yy] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [dx, dy] = [x[i]! - middle, y[i]! - middle];
    xy += dx * dy;
    xx += dx * dx;
    yy += dy * dy;
  }
  return xx === 0 || yy === 0 ? undefined : xy / Math.sqrt(xx * yy);
}

/**
 * Where the correlation of all pairs lies when that of `pairs` of them is `correlation`: 95 %.
 * Source: Fieller, Hartley and Pearson 1957, Tests for rank correlation coefficients I: atanh of it has a variance of 1.06 / (n - 3).
 */
export function intervalOf(correlation: number, pairs: number): readonly [number, number] {
  const reach = 1.96 * Math.sqrt(1.06 / Math.max(1, pairs - 3));
  const middle = Math.atanh(Math.min(1 - 1e-12, Math.max(-1 + 1e-12, correlation)));
  return [Math.tanh(middle - reach), Math.tanh(middle + reach)];
}

/** From 0. */
function ranksOf(values: readonly number[]): Float64Array {
  const order = values.map((_, i) => i).sort((i, j) => values[i]! - values[j]!);
  const ranks = new Float64Array(values.length);
  for (let from = 0; from < order.length; ) {
    let to = from;
    while (to < order.length && values[order[to]!] === values[order[from]!]) to++;
    for (let i = from; i < to; i++) ranks[order[i]!] = (from + to - 1) / 2;
    from = to;
  }
  return ranks;
}
