import type { IsPadding } from './padding.ts';

/** Compares one output with the original's, sample by sample; keeps sums, no values. */
export interface OutputJudge<Judgement> {
  /** @param sample  its index; the steps of one sample are added one after the other */
  add(sample: number, original: ArrayLike<number>, candidate: ArrayLike<number>, shape: readonly number[], isPadding?: IsPadding): void;
  result(): Judgement;
}
