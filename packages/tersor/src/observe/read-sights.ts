import type { Arrays } from '../core/arrays.ts';
import { merge } from '../core/fold.ts';
import type { StatisticId, Statistics } from '../core/observation.ts';
import type { Sight } from './sight.ts';
import { STATISTICS } from './statistics/statistics.ts';
import { idOf } from './watch.ts';

/** A statistic of all sights together; undefined where runs came by none of them. */
export async function readSights<S extends StatisticId>(
  statistic: S,
  sights: readonly Sight[],
  results: Arrays,
): Promise<Statistics[S] | undefined> {
  const { read, reorder, hows } = STATISTICS[statistic];
  let merged: readonly Float64Array[] | undefined;
  for (const sight of sights) {
    const found = await results.get(idOf({ sight, statistic }));
    if (!found || found.length === 0) continue;
    merged = merged ? merged.map((before, i) => merge(hows[i] ?? 'sum', before, found[i] ?? before)) : found;
  }
  const [first] = sights;
  if (!merged || !first) return undefined;
  const result = read(merged, first.groups);
  return first.order && reorder ? reorder(result, first.order) : result;
}
