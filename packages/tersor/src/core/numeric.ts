/**
 * A number grid: which values a code can stand for, before scale and zero point. One record a file in `numeric/`.
 * A code is `step - lo`, so it is never negative.
 */
export interface Numeric {
  readonly id: string;
  readonly bits: number;
  readonly lo: number;
  readonly hi: number;
  /** What each code stands for, where that is no integer: `values[code] * scale`, without a zero point. */
  readonly values?: readonly number[];
}
