import type { Shape } from './dtype.ts';
import type { WeightId } from './graph.ts';
import type { FileReport } from './report.ts';

/** What became of a model in another format. */
export interface Conversion {
  readonly version: string;
  readonly input: FileReport;
  /** Absent when nothing was written: a dry run. */
  readonly output?: FileReport;
  /** Of what was written, or would be. */
  readonly bytes: number;
  /** `llama`, where the family of the model decided names. */
  readonly architecture?: string;
  readonly weights: readonly ConvertedWeight[];
  /** Of the input, what the output has no place for. */
  readonly leftOut: readonly WeightId[];
  /** What became otherwise than was asked, or could not be said. */
  readonly notes: readonly { readonly about: string; readonly message: string }[];
  readonly seconds: Readonly<Record<string, number>>;
}

export interface ConvertedWeight {
  /** Its name in the input; absent where the output alone has it. */
  readonly from?: WeightId;
  readonly to: WeightId;
  readonly shape: Shape;
  /** Layouts in words. */
  readonly before?: string;
  readonly after: string;
}
