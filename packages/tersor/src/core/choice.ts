import type { WeightId } from './graph.ts';

/** What a layer gets, and what its alternatives would have cost. */
export interface Choice {
  readonly id: WeightId;
  /** In words; as it is: "f32". */
  readonly name: string;
  readonly bytes: number;
  readonly loss: number;
  /** Why not smaller: of all that take less, what would save the most bytes for the loss it adds. */
  readonly smaller?: Alternative;
  /** Why not more faithful: of all that lose less, what would win back the most loss for the bytes it adds. */
  readonly better?: Alternative;
}

export interface Alternative {
  readonly name: string;
  /** More than the choice's; less where negative. */
  readonly bytes: number;
  readonly loss: number;
}
