import { meanOf } from './columns.ts';

export const mean = meanOf('ReduceSum');
