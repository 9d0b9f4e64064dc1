import type { StatisticId, Statistics } from '../../core/observation.ts';
import type { Statistic } from '../statistic.ts';
import { gram } from './gram.ts';
import { histogram } from './histogram.ts';
import { mean } from './mean.ts';
import { meanSquare } from './mean-square.ts';
import { outliers } from './outliers.ts';
import { range } from './range.ts';
import { tokens } from './tokens.ts';

export const STATISTICS: { readonly [S in StatisticId]: Statistic<Statistics[S]> } = {
  range,
  histogram,
  mean,
  'mean-square': meanSquare,
  gram,
  outliers,
  tokens,
};
