import type { WeightId } from './graph.ts';

/** How much errors of a weight's columns count. */
export interface Importance {
  /** Means of the squares of what each column is multiplied by; of several matrices, one after the other. */
  readonly meanSquares: Float32Array;
  /** Tokens that they were averaged over: one number, or one for each matrix. */
  readonly counts: readonly number[];
}

/** What llama.cpp's `imatrix` files hold: what a model's weights were multiplied by as it read some texts. */
export interface Importances {
  /** The file, for messages. */
  readonly name: string;
  readonly weights: ReadonlyMap<WeightId, Importance>;
  /** The texts, as far as they are known. */
  readonly datasets: readonly string[];
  /** Of the texts, and tokens in each; 0 where that is not known. */
  readonly chunks: number;
  readonly chunkTokens: number;
}
