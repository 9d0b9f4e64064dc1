import type { Range } from '../../core/observation.ts';
import type { Statistic } from '../statistic.ts';

export const range: Statistic<Range> = {
  hows: ['min', 'max'],
  watch: ({ value }, place) => [
    { value: place.add('ReduceMin', [value], { keepdims: 0 }), rank: 0 },
    { value: place.add('ReduceMax', [value], { keepdims: 0 }), rank: 0 },
  ],
  read: ([min, max]) => ({ min: min?.[0] ?? Number.NaN, max: max?.[0] ?? Number.NaN }),
};
