import type { Distribution } from './distribution.ts';
import type { IsPadding } from './padding.ts';

/** Compares one output with the original's, sample by sample; keeps sums, no values. */
export interface OutputJudge<Judgement> {
  /**
   * @param sample  its index; the steps of one sample are added one after the other
   * @param recall  gives what was made of the original's scores from an index on before, if anything
   */
  add(
    sample: number,
    original: ArrayLike<number>,
    candidate: ArrayLike<number>,
    shape: readonly number[],
    isPadding?: IsPadding,
    recall?: (start: number, make: () => Distribution) => Distribution,
  ): void;
  result(): Judgement;
}
