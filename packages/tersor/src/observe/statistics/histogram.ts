import { binsOf, startTally } from '../../core/histogram.ts';
import type { Histogram } from '../../core/observation.ts';
import type { Statistic } from '../statistic.ts';

/** No operator counts, so the value leaves the graph, but not the process that runs it. */
export const histogram: Statistic<Histogram> = {
  hows: ['histogram'],
  watch: ({ value }) => [{ value }],
  read: ([tally = startTally()]) => binsOf(tally),
};
