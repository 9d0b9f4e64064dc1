import { binsOf, startTally } from '../../core/histogram.ts';
import type { Histogram } from '../../core/observation.ts';
import type { Statistic } from '../statistic.ts';
import { range } from './range.ts';

/** No operator counts, so the value leaves the graph, but not the process that runs it. */
export const histogram: Statistic<Histogram> = {
  hows: ['histogram', ...range.hows],
  watch: (seen, place) => [{ value: seen.value }, ...range.watch(seen, place)],
  read: ([tally = startTally(), ...extremes], groups) => ({ ...binsOf(tally), ...range.read(extremes, groups) }),
};
