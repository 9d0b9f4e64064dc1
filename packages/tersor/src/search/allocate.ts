import type { Candidate } from '../core/candidate.ts';

/** What may be done to each layer; one of each row is taken. Rows are never empty: a layer can always stay as it is. */
export type Choices<C extends Candidate> = readonly (readonly C[])[];

/**
 * The best allocations there are on the convex hull, from the fewest bytes to the least error; each differs from the one before in one
 * layer. Every one has the least error of all combinations with no more bytes than it.
 *
 * Each layer's candidates are reduced to their lower convex hull; the exchanges along all hulls, taken in order of error saved per byte, are
 * the solutions of the Lagrangian problem for falling prices.
 * Source: Shoham and Gersho 1988, Efficient bit allocation for an arbitrary set of quantizers, section III.
 */
export function frontier<C extends Candidate>(choices: Choices<C>): C[][] {
  const hulls = choices.map(hullOf);
  const exchanges = hulls.flatMap((hull, row) =>
    hull.slice(1).map((to, i) => ({ row, to, gain: (hull[i]!.error - to.error) / (to.bytes - hull[i]!.bytes) })),
  );
  exchanges.sort((a, b) => b.gain - a.gain);
  const allocations = [hulls.map((hull) => hull[0]!)];
  for (const { row, to } of exchanges) allocations.push(allocations.at(-1)!.with(row, to));
  return allocations;
}

/**
 * The least error in `limit` bytes; undefined when nothing is small enough. What the hull leaves over is spent on single exchanges, best
 * ratio first, so that the result is also locally optimal off the hull.
 */
export function allocate<C extends Candidate>(choices: Choices<C>, limit: number): C[] | undefined {
  const chosen = frontier(choices).findLast((allocation) => bytesOf(allocation) <= limit);
  if (!chosen) return undefined;
  for (let rest = limit - bytesOf(chosen); ; ) {
    const exchange = bestExchange(choices, chosen, rest);
    if (!exchange) return chosen;
    rest -= exchange.to.bytes - chosen[exchange.row]!.bytes;
    chosen[exchange.row] = exchange.to;
  }
}

export function bytesOf(chosen: readonly Candidate[]): number {
  return chosen.reduce((sum, candidate) => sum + candidate.bytes, 0);
}

/** The candidates that are best for some price, from the fewest bytes to the least error. Source: Andrew 1979, monotone chain. */
function hullOf<C extends Candidate>(row: readonly C[]): C[] {
  const hull: C[] = [];
  for (const next of row.toSorted((a, b) => a.bytes - b.bytes || a.error - b.error)) {
    if (hull.length > 0 && next.error >= hull.at(-1)!.error) continue;
    while (hull.length > 1 && !turns(hull.at(-2)!, hull.at(-1)!, next)) hull.pop();
    hull.push(next);
  }
  return hull;
}

/** Whether going from `a` over `b` to `c` saves error at a falling rate, so that `b` is worth its bytes. */
function turns(a: Candidate, b: Candidate, c: Candidate): boolean {
  return (a.error - b.error) * (c.bytes - b.bytes) > (b.error - c.error) * (b.bytes - a.bytes);
}

function bestExchange<C extends Candidate>(choices: Choices<C>, chosen: readonly C[], rest: number): { row: number; to: C } | undefined {
  let best: { row: number; to: C; ratio: number } | undefined;
  for (const [row, candidates] of choices.entries()) {
    for (const to of candidates) {
      const cost = to.bytes - chosen[row]!.bytes;
      const gain = chosen[row]!.error - to.error;
      if (gain <= 0 || cost > rest) continue;
      const ratio = gain / Math.max(cost, Number.MIN_VALUE);
      if (!best || ratio > best.ratio) best = { row, to, ratio };
    }
  }
  return best;
}
