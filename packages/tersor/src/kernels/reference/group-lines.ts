import type { Lines } from '../coder/coding.ts';

const GROUPS = 8;
const ROUNDS = 3;
/** What a symbol costs in a group that does not exist. */
const NEVER = 1e9;
const { fround } = Math;

/**
 * Sorts lines of counts into groups by k-means with the Kullback-Leibler divergence, from the groups that they are in. All arithmetic is in single precision.
 * @param lines  [count, span]: how often each symbol occurs
 * @param little  what is added to each symbol's count in every group, so that nothing is impossible
 * @returns the group of each line
 */
export function groupLines({ lines, span, groups, assigned, little }: Lines): Uint8Array {
  let current = assigned;
  for (let round = 0; round < ROUNDS; round++) {
    const costs = pricesOf(sumsOf(lines, span, current), span, groups, little);
    current = current.map((_, line) => cheapest(lines.subarray(line * span, (line + 1) * span), costs));
  }
  return current;
}

function sumsOf(lines: Float32Array, span: number, assigned: Uint8Array): Float32Array {
  const sums = new Float32Array(span * GROUPS);
  lines.forEach((count, i) => {
    sums[(i % span) * GROUPS + assigned[Math.floor(i / span)]!]! += count;
  });
  return sums;
}

function pricesOf(sums: Float32Array, span: number, groups: number, little: Float32Array): Float32Array {
  const costs = new Float32Array(sums.length).fill(NEVER);
  for (let group = 0; group < groups; group++) {
    let sum = 8;
    for (let k = 0; k < span; k++) sum = fround(sum + sums[k * GROUPS + group]!);
    for (let k = 0; k < span; k++) costs[k * GROUPS + group] = logarithm(sum) - logarithm(fround(sums[k * GROUPS + group]! + little[k]!));
  }
  return costs;
}

function cheapest(line: Float32Array, costs: Float32Array): number {
  let [best, least] = [0, Number.POSITIVE_INFINITY];
  for (let group = 0; group < GROUPS; group++) {
    let sum = 0;
    line.forEach((count, k) => {
      sum = fround(sum + fround(count * costs[k * GROUPS + group]!));
    });
    if (sum < least) [best, least] = [group, sum];
  }
  return best;
}

const FLOAT = new Float32Array(1);
const BITS = new Int32Array(FLOAT.buffer);

/** About log2: a parabola between powers of two. */
function logarithm(value: number): number {
  FLOAT[0] = value;
  const exponent = (BITS[0]! >> 23) - 127;
  BITS[0] = (BITS[0]! & 0x7fffff) | 0x3f800000;
  const mantissa = FLOAT[0]!;
  const slope = fround(fround(fround(-1 / 3) * mantissa) + 2);
  return fround(exponent + fround(fround(slope * mantissa) - fround(5 / 3)));
}
