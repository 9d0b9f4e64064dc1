import type { WeightId } from './graph.ts';
import type { Importances } from './importances.ts';
import type { Kernels } from './kernels.ts';
import type { Layer } from './layers.ts';
import type { Memo } from './memo.ts';
import type { FormatId, Model } from './model.ts';
import type { Observation, StatisticId, Statistics } from './observation.ts';
import type { Options, Values } from './options.ts';
import type { OtherWeights } from './other-weights.ts';
import type { Random } from './random.ts';

export type Family = 'delta' | 'graph' | 'lowrank' | 'migrate' | 'quantize';

/** A technique: `Model → Model`, lazily. One file in `methods/<family>/` is all it takes: registry, command, help and docs follow. */
export interface Method<O extends Options = Options> {
  readonly id: string;
  readonly family: Family;
  /** One sentence, for lists and help. */
  readonly summary: string;
  /** What a user should know before choosing it: when it helps, what it interacts with, what it leaves alone. Markdown, for its page. */
  readonly notes?: string;
  /** Paper or specification. */
  readonly source: string;
  readonly options: O;
  readonly changes: 'values' | 'layout' | 'graph';
  /** `none`: same outputs up to float rounding; `bounded`: each weight within a stated distance; `data-dependent`: measure it. */
  readonly loss: 'none' | 'bounded' | 'data-dependent';
  /** Those it is for; absent: all. */
  readonly formats?: readonly FormatId[];
  /** Planning reads every weight once, one at a time, and keeps only what it learned (ranges): values decide how the result looks. */
  readonly streams?: true;
  /** Blocks of layers are changed in the order of computation, and each is observed as it is when those before it have changed. */
  readonly sequential?: true;
  /** Sees the model with normalizations folded into weights: a step of `fold-batchnorm` goes before it of itself. */
  readonly folds?: true;
  /** What has to be known of the activations to change the layers of `scope`. Absent: no data is needed, and no engine. Reads no weight. */
  needs?(model: Model, options: Values<O>, scope: readonly Layer[]): readonly Observation[];
  /** Lazy: reads tensors of at most 64 KiB unless it `streams`, nothing else; whatever loads a weight goes into the new weight's `load`. */
  apply(model: Model, options: Values<O>, context: Context): Promise<Model>;
}

/** What a method says of itself, without its code: enough to list, check, help and plan. The registry is made of these. */
export interface Declaration<O extends Options = Options> extends Omit<Method<O>, 'apply' | 'needs'> {
  /** It has needs: it sees what flows through the model. */
  readonly observes?: true;
  load(): Promise<Method<O>>;
}

/** All that a method can reach besides the model. There is no global state and no other way in. */
export interface Context {
  /** The layers that the step's rules selected; nothing else is to be touched. */
  readonly scope: readonly Layer[];
  readonly kernels: Kernels;
  readonly signal?: AbortSignal;
  /** Where a method stands that reads weights while planning: bytes that were read, and all that will be. */
  progress?(done: number, total: number, about: string): void;
  /** A sentence for the user: what was left alone, and why. */
  note(about: string, message: string): void;
  random(weight: WeightId): Random;
  /** What an imatrix file says, which an option names; absent where there are no files. @throws FILE_MISSING, FILE_CORRUPT, FILE_LIMIT, FILE_UNSUPPORTED */
  importances?(path: string): Promise<Importances>;
  /** The weights of another model, which an option names; absent where there are no files. @throws FILE_MISSING, FILE_CORRUPT, FILE_LIMIT, FILE_UNSUPPORTED */
  otherWeights?(path: string): Promise<OtherWeights>;
  /**
   * What was observed, of what `needs` asked for; undefined where nothing was to be seen. The model runs when a method first asks, so a plan, which
   * loads no weight, runs nothing as long as only `load` asks.
   * @throws USAGE where the model is not to be run, MODEL_INVALID, RUN_FAILED, INTERRUPTED
   */
  observed<S extends StatisticId>(observation: Observation<S>): Promise<Statistics[S] | undefined>;
  /** What takes long to compute and is asked for again, by other steps of the same job, too. */
  readonly recall: Memo['recall'];
}

/** Checks nothing at run time; gives `apply` the types of its own options. */
export function defineMethod<const O extends Options>(method: Method<O>): Method<O> {
  return method;
}
