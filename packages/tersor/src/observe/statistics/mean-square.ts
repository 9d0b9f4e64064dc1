import { meanOf } from './columns.ts';

export const meanSquare = meanOf('ReduceSumSquare');
