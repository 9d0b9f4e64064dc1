import type { Gathering } from './gather.ts';
import type { Preprocess } from './preprocess.ts';
import type { Wanted } from './to-feeds.ts';

/** What files are read for, and how. */
export interface Reading extends Gathering {
  readonly wanted: Wanted;
  /** Names of the model's outputs; none where they are not known. */
  readonly outputs: readonly string[];
  /** Where the model lies, and with it its tokenizer or preprocessor. */
  readonly model?: string | undefined;
  readonly preprocess?: Preprocess | undefined;
}
