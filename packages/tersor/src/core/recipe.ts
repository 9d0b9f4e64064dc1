import type { Target } from './format.ts';
import type { Rule } from './rules.ts';

/** What was done, or what to do: enough to make the same bytes again. */
export interface Recipe {
  readonly version: 1;
  readonly seed?: number;
  readonly target?: Target;
  readonly steps: readonly Step[];
}

/** One method with its options. `where` absent: every layer the method can take. */
export interface Step {
  readonly use: string;
  readonly where?: readonly Rule[];
  readonly [option: string]: unknown;
}
