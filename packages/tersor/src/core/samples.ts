import type { Feeds } from './engine.ts';

/**
 * One independent piece of data: the steps of a sequence, in order. A model without state has one step a sample; a model with state
 * gets its state outputs fed back between steps, and starts from what the first step says (zeros when it says nothing).
 */
export interface Sample {
  /** Where it comes from, for people: "photos/cat.png", "pairs.jsonl:12". */
  readonly id: string;
  /** What it was made from; samples that share it are no independent evidence, and stay together. Absent: of itself alone. */
  readonly source?: string;
  /** What is right: the number or name of a class, or more than one that count as right; a text. */
  readonly labels?: readonly (string | number)[];
  readonly steps: readonly Feeds[];
}

/** Inputs to choose by or to prove with. */
export interface Samples {
  /** Real inputs, or made up from the input types. Only the former proves anything. */
  readonly evidence: 'data' | 'synthetic';
  /** Where they come from, for people: "calib.npz", "synthetic (seed 0)". */
  readonly source: string;
  readonly samples: readonly Sample[];
  /** What the classes are called, in the order of the output; absent where nothing says so. */
  readonly classes?: readonly string[];
  /** What a user should know: inputs that were guessed, constant or unused. */
  readonly notes: readonly string[];
}
