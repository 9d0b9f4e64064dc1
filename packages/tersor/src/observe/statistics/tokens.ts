import type { Tokens } from '../../core/observation.ts';
import type { Statistic } from '../statistic.ts';

export const tokens: Statistic<Tokens> = {
  hows: ['indices'],
  watch: ({ value, table = 0 }) => [{ value, size: table }],
  read: ([counts = new Float64Array()]) => ({ counts, total: counts.reduce((sum, count) => sum + count, 0) }),
};
