import type { StatisticId } from '../core/observation.ts';
import type { Sight } from './sight.ts';
import type { Sighted } from './watch.ts';

/** Bytes of an element of what is folded, and of the output that comes of a run. */
const ELEMENT_BYTES = 8 + 4;

/** The observations in the order of computation, as many at once as results take `maxBytes`, but one at least. */
export function inPasses(observations: readonly Sighted[], maxBytes: number): Sighted[][] {
  const ordered = [...observations].sort((a, b) => (a.sights[0]?.position ?? 0) - (b.sights[0]?.position ?? 0));
  const passes: Sighted[][] = [];
  let seen = new Set<string>();
  let bytes = 0;
  for (const each of ordered) {
    const costs = new Map(
      each.sights.map((sight) => [
        JSON.stringify([sight.path, sight.key, each.observation.statistic]),
        bytesOf(sight, each.observation.statistic),
      ]),
    );
    const more = [...costs].reduce((sum, [key, cost]) => sum + (seen.has(key) ? 0 : cost), 0);
    if (passes.length === 0 || (bytes + more > maxBytes && more > 0)) {
      passes.push([]);
      seen = new Set();
      bytes = 0;
    }
    passes.at(-1)?.push(each);
    bytes += [...costs].reduce((sum, [key, cost]) => sum + (seen.has(key) ? 0 : cost), 0);
    for (const key of costs.keys()) seen.add(key);
  }
  return passes;
}

function bytesOf({ groups, columns = 1 }: Sight, statistic: StatisticId): number {
  return ELEMENT_BYTES * groups * (statistic === 'gram' ? columns * columns : columns);
}
