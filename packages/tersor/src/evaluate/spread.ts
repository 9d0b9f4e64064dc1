/** @returns what these values add to the sum of squares about the mean; element `i` belongs to key `i % keys`. `counts` says which elements count; absent: all */
export type AddSpread = (values: ArrayLike<number>, counts?: Uint8Array) => number;

/**
 * Measures how far observations spread about their mean, per key (element, feature), in one pass. Every call gives its own share of the sum of squares, so
 * that samples can be drawn again later without their values.
 * Source: Welford 1962, https://doi.org/10.1080/00401706.1962.10490022.
 */
export function openSpread(keys: number): AddSpread {
  const seen = new Float64Array(keys);
  const means = new Float64Array(keys);
  return (values, counts) => {
    let share = 0;
    for (let i = 0, key = 0; i < values.length; i++, key = key + 1 === keys ? 0 : key + 1) {
      if (counts && counts[i] === 0) continue;
      const difference = values[i]! - means[key]!;
      const times = seen[key]! + 1;
      const mean = means[key]! + difference / times;
      seen[key] = times;
      means[key] = mean;
      share += difference * (values[i]! - mean);
    }
    return share;
  };
}
