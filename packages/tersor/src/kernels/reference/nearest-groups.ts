/** So many groups at most. */
const GROUPS = 8;

/**
 * The cheapest of 8 groups for each line.
 * @param lines  [count, span]: how often each symbol occurs
 * @param costs  [span, 8]: what a symbol costs in each group; Infinity in groups that do not exist
 */
export function nearestGroups(lines: Float32Array, span: number, costs: Float32Array): Uint8Array {
  return Uint8Array.from({ length: lines.length / span }, (_, line) => {
    let [best, least] = [0, Number.POSITIVE_INFINITY];
    for (let group = 0; group < GROUPS; group++) {
      let sum = 0;
      for (let k = 0; k < span; k++) sum = Math.fround(sum + Math.fround(lines[line * span + k]! * costs[k * GROUPS + group]!));
      if (sum < least) [best, least] = [group, sum];
    }
    return best;
  });
}
