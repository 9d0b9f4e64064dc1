/** What single samples and labels show, as the report says it. */

export interface WorstSample {
  /** Which sample: "photos/cat.png", "pairs.jsonl:12". */
  readonly id: string;
  readonly output: string;
  /** Of a sequence with several steps, the one, from 0. */
  readonly step?: number;
  /** Where in the output the decision or number is that changed most: its index along every axis but that of the classes. */
  readonly at: readonly number[];
  readonly before: Answer;
  readonly after: Answer;
  /** Decisions of the sample that changed, of `decisions`; classes only. */
  readonly changed?: number;
  readonly decisions: number;
  /** Relative RMS error of the sample's output, |a - b| / |a|; numbers only. */
  readonly error?: number;
  /** What the data says is right. */
  readonly labels?: readonly (string | number)[];
}

export interface Answer {
  /** The number, or the probability of the class. */
  readonly value: number;
  readonly class?: number;
  /** What the class is called. */
  readonly name?: string;
}

/** Right answers of both models. */
export interface LabelledQuality {
  readonly metric: 'top-1';
  /** Those with a label. */
  readonly samples: number;
  readonly before: number;
  readonly after: number;
  /** 95 % bootstrap interval of `after - before` over samples. */
  readonly interval: readonly [number, number];
  /** Samples that were right and are not any more. */
  readonly lost: number;
  /** Samples that became right. */
  readonly won: number;
  /** By label, the largest loss first. */
  readonly classes: readonly ClassDelta[];
}

export interface ClassDelta {
  readonly label: string;
  readonly samples: number;
  readonly before: number;
  readonly after: number;
}
