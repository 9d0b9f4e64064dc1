import type { Target } from './format.ts';
import type { Check, CheckRow, PromiseReport, Report } from './report.ts';

/** What a folder is for: a runtime, or a library with names of its own for files. */
export type FolderTarget = Target | 'transformers.js';

/** What transformers.js calls the precision of a file: https://huggingface.co/docs/transformers.js/guides/dtypes. */
export type TransformersDtype = 'fp32' | 'fp16' | 'q8' | 'int8' | 'uint8' | 'q4' | 'q4f16' | 'bnb4' | 'q2' | 'q2f16' | 'q1' | 'q1f16';

export const DTYPES = [
  'fp32',
  'fp16',
  'q8',
  'int8',
  'uint8',
  'q4',
  'q4f16',
  'bnb4',
  'q2',
  'q2f16',
  'q1',
  'q1f16',
] as const satisfies readonly TransformersDtype[];

/** A folder of models, made smaller as a whole. Data only, as `Report` is. */
export interface FolderReport {
  /** tersor's version. */
  readonly version: string;
  readonly target: FolderTarget;
  readonly input: FolderFacts;
  /** Absent when nothing was gained or nothing was left behind. */
  readonly output?: FolderFacts;
  /** Of all models of the result, whether it was written, only planned, or not left behind. */
  readonly resultBytes: number;
  readonly outcome: Report['outcome'];
  readonly models: readonly FolderModel[];
  /** What else the folder holds, and what became of it. */
  readonly files: readonly FolderFile[];
  /** Of the whole: each is as good as in the model that keeps it worst. */
  readonly promises: readonly PromiseReport[];
  /** How transformers.js loads the result, one entry a model folder; only for that target. */
  readonly loaders?: readonly TransformersLoader[];
  readonly seconds: Readonly<Record<string, number>>;
}

export interface FolderFacts {
  readonly path: string;
  /** Of all models, external data included, and of nothing else. */
  readonly bytes: number;
}

/** One model of a folder. */
export interface FolderModel {
  /** Path inside the folder, with slashes. */
  readonly name: string;
  /** Path inside the result; the original's where it stays. */
  readonly output: string;
  /** What it takes in the result, external data included. */
  readonly resultBytes: number;
  /** Why the result holds the original; absent when it holds something smaller. */
  readonly stays?: string;
  /** Of the original that stays, see `FileReport`; only where it was asked for. */
  readonly sha256?: string;
  /** Files that hold the same model in less precision; they are no inputs, and left out. */
  readonly variants: readonly string[];
  /** How transformers.js asks for it; only for that target. */
  readonly dtype?: TransformersDtype;
  /** Absent where it was asked to stay as it is. */
  readonly report?: Report;
}

export interface FolderFile {
  /** Path inside the folder, with slashes. */
  readonly name: string;
  /** Absent for folders that were not looked into. */
  readonly bytes?: number;
  readonly status: 'carried' | 'changed' | 'left-out';
  /** What was changed, or why it was left out. */
  readonly why?: string;
}

export interface TransformersLoader {
  /** Path of the model folder inside the result; empty for the result itself. */
  readonly folder: string;
  /** `pipeline` by this name; absent where the model's config names none. */
  readonly task?: string;
  /** One for all files, or by file name without suffix. */
  readonly dtype: TransformersDtype | Readonly<Record<string, TransformersDtype>>;
}

/** A folder of models held against the report that came with it. */
export interface FolderCheck {
  readonly version: string;
  readonly path: string;
  /** No row is missed, of the folder or of a model. */
  readonly kept: boolean;
  /** What lies beside the models. */
  readonly rows: readonly CheckRow[];
  readonly models: readonly {
    /** Path inside the folder, with slashes. */
    readonly name: string;
    readonly check: Check;
  }[];
}
