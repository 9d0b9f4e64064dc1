import type { DType } from './dtype.ts';
import type { ValueInfo } from './graph.ts';
import type { StateLink } from './state-links.ts';

/** Runs models. Lives in a child process or worker, so that a crash is an error and Ctrl-C works. Reached through this interface only. */
export interface Engine {
  /** "onnxruntime-node 1.30.0". */
  readonly name: string;
  /** What the user should know about the runtime itself: that it stands in for another one, and what installs that. */
  readonly notice?: string;
  /** @throws MODEL_INVALID with the runtime's own words when it refuses the model */
  open(model: ModelSource, options?: SessionOptions): Promise<Session>;
  /**
   * Time of each session on the same feeds, interleaved, after warm-up.
   * @returns milliseconds, `[session][round]`
   */
  race(sessions: readonly Session[], feeds: Feeds, options: { readonly rounds: number; readonly warmup: number }): Promise<number[][]>;
  /**
   * Runs steps one after the other, as `Session.runSteps` does, and joins their outputs to what was folded before. Outputs stay with the engine, so that
   * activations of any size can be looked at. Several sessions are parts of one model: each is given what is fed and what those before it gave.
   * @throws RUN_FAILED
   */
  fold(parts: readonly Session[], steps: readonly Feeds[], links: readonly StateLink[], folds: readonly Fold[]): Promise<void>;
  /** What was folded, and forgets it; undefined where no run gave anything. @param session  the first of the parts */
  folded(session: Session, fold: Fold): Promise<Folded | undefined>;
  /** Peak resident memory of the engine's process so far, in bytes; undefined where it cannot be known. */
  peakMemory(): Promise<number | undefined>;
  close(): Promise<void>;
}

/** A path where the engine shares the file system, otherwise the bytes. */
export type ModelSource = { readonly path: string } | { readonly bytes: Uint8Array };

export interface SessionOptions {
  /** Intra-op threads; 1 unless told. */
  readonly threads?: number;
  /** Graph optimisation of the runtime; `all` unless told. */
  readonly optimize?: 'all' | 'none';
  /** Gives memory back as soon as it is not needed, so that several sessions can share it, rather than keeping it for the next run. */
  readonly frugal?: boolean;
}

export interface Session {
  /** As the runtime sees them: free dimensions are symbols or undefined. */
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  /** Fixes inputs (weights as inputs) until they are replaced; they cross to the engine once. */
  hold(values: Feeds): Promise<void>;
  /** @throws RUN_FAILED with the runtime's own words */
  run(feeds: Feeds, outputs?: readonly string[]): Promise<Feeds>;
  /** Runs one after the other; what links name goes from each step to the next, unless the step gives it. Absent where `run` is as quick. */
  runSteps?(steps: readonly Feeds[], links: readonly StateLink[]): Promise<Feeds[]>;
  close(): Promise<void>;
}

/** Named tensors with values. */
export type Feeds = Readonly<Record<string, Value>>;

export interface Value {
  readonly dtype: DType | 'string';
  readonly shape: readonly number[];
  /** Float32Array for f32, Uint16Array for f16 and bf16, BigInt64Array for i64, Uint8Array for bool and u8, ... */
  readonly data: ValueData;
}

export type ValueData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | readonly string[];

/**
 * How an output of a run joins what the runs before it gave: element by element in f64 (`min`, `max`, `sum`; the first two pass over NaN), or counted:
 * numbers in the bins of a `Tally`, indices one by one.
 */
export type How = 'min' | 'max' | 'sum' | 'histogram' | 'indices';

export interface Fold {
  /** An output of the model. */
  readonly output: string;
  readonly how: How;
  /** Of `min`, `max` and `sum`: trailing axes of the output that are one result. Before them stand iterations of a body, which are folded too. */
  readonly rank?: number;
  /** Of `indices`: how many there are. Those below zero count from the end. */
  readonly size?: number;
}

/** A `Tally` of `histogram`, counts of `indices`, elements of an output of the others. */
export type Folded = Float64Array;
