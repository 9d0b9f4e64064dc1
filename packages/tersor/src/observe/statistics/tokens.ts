import type { Tokens } from '../../core/observation.ts';
import type { Statistic } from '../statistic.ts';

export const tokens: Statistic<Tokens> = {
  watch: ({ value, table = 0 }) => [{ value, how: 'indices', size: table }],
  read: ([counts = new Float64Array()]) => ({ counts, total: counts.reduce((sum, count) => sum + count, 0) }),
};
