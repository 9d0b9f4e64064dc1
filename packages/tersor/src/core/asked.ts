import type { Budget } from './budget.ts';
import type { Feeds } from './engine.ts';
import type { FolderTarget, TransformersDtype } from './folder-report.ts';
import type { Target } from './format.ts';
import type { Progress } from './progress.ts';
import type { Recipe, Step } from './recipe.ts';
import type { OutputQuality } from './report.ts';
import type { Rule } from './rules.ts';
import type { Allocation } from './sensitivity.ts';

/** What a comparison may be asked besides the two models. */
export interface AskedToCompare {
  /** What the result is to run on; `node` unless told. */
  readonly target?: Target;
  /** Also proves in a headless browser: `true` for one that is found, or its path. Takes playwright-core. Of itself for the target `webgpu`, where one is to be had. */
  readonly browser?: boolean | string;
  /** Real inputs: a path (`.npz`, a folder of them, of pictures or of `.wav`, `.txt` or `.jsonl`, a JS module), or feeds themselves. Absent: made up from the input types. */
  readonly data?: string | Iterable<Feeds | readonly Feeds[]> | AsyncIterable<Feeds | readonly Feeds[]>;
  /** How pictures and sound become inputs: `size=224x224,scale=1/255`. What is left out is read from `preprocessor_config.json` or the input. */
  readonly preprocess?: string;
  /** At most so many samples. */
  readonly samples?: number;
  /** Also measures on so many parts of the samples, dealt by lot: how much the quality depends on which data it is measured on. */
  readonly subsets?: number;
  /** What outputs mean, where the guess would be wrong. */
  readonly outputs?: Readonly<Record<string, OutputQuality['kind']>>;
  /** A JS module whose default export scores a session; replaces the built-in quality. */
  readonly eval?: string;
  readonly seed?: number;
  /** Worker threads for the loops over weights. */
  readonly threads?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

/** What converting a model may be asked besides the model. */
export interface AskedToConvert extends Pick<AskedToCompare, 'threads' | 'signal' | 'onProgress'> {
  /** Where to write; its ending names the format. */
  readonly output: string;
  /** The ONNX model whose weights are replaced: ONNX has a graph, which other formats do not say. */
  readonly into?: string;
  /** Of safetensors, the type of all floats: F32, F16 or BF16. */
  readonly type?: string;
  /** Of GGUF, what is made of the weights on the way: a recipe with the method gguf. */
  readonly recipe?: Recipe;
  /** Whether what is there may be replaced. */
  readonly force?: boolean;
  /** See `Asked`. */
  readonly resume?: boolean;
  /** Only says what would be written. */
  readonly dryRun?: boolean;
}

/** What holding a model against its report may be asked besides the two. */
export interface AskedToCheck extends Pick<AskedToCompare, 'browser' | 'data' | 'eval' | 'threads' | 'signal' | 'onProgress'> {
  /** Path of the model that was compressed; where the report says unless told. */
  readonly original?: string;
  /** `false` looks at the file alone: its size and hash. */
  readonly run?: boolean;
}

/** What a look at each layer may be asked besides the model. */
export interface AskedToSense extends Omit<AskedToCompare, 'browser' | 'eval' | 'subsets'>, Pick<Asked, 'enough' | 'cache' | 'steps'> {
  /** Only these layers. */
  readonly where?: readonly Rule[];
  /** What all layers together may lose, or the size of the whole file: decides what each layer gets. A loss of 0.01 unless told. */
  readonly limit?: Allocation['limit'];
}

/** What holding a folder of models against its report may be asked besides the two. */
export interface AskedToCheckFolder extends Omit<AskedToCheck, 'data'> {
  /** Path of the folder that was compressed; where the report says unless told. */
  readonly original?: string;
  /** See `AskedOfFolder`. */
  readonly data?: AskedOfFolder['data'];
}

/** What the main job may be asked besides the model. */
export interface Asked extends AskedToCompare {
  /** Where the result goes; `<name>.min.<ext>` in the current folder unless told. */
  readonly output?: string;
  /** Steps to follow. Absent: they are found by measuring. */
  readonly recipe?: Recipe;
  /** What is tried on every layer: each entry is a method with its options, or several, one after the other. What the search knows unless told. */
  readonly steps?: readonly (readonly Step[])[];
  /** What the result must keep; replaces the promises it names, see `DEFAULT_BUDGET`. */
  readonly budget?: Budget;
  /** Leaves the best result behind even when a promise is missed. */
  readonly keep?: boolean;
  /** `false` writes what a recipe makes without running it: nothing is proven, and every promise about it is `unverified`. */
  readonly verify?: boolean;
  /** `false` leaves a recipe as it is where activations would overflow or outputs be worthless, and only says so. */
  readonly repair?: boolean;
  /** Also finds out what a report shows of the files: their hash, and what they weigh after brotli. Takes some 20 s per 100 MB. */
  readonly weigh?: boolean;
  /** Ends the search when aborted: the best that is known by then is written and proven. */
  readonly enough?: AbortSignal;
  /** A folder for what was measured, so that another budget for the same model and inputs takes seconds; `false` keeps nothing. The user's cache folder unless told. */
  readonly cache?: string | false;
  /** Overwrites an existing output. */
  readonly force?: boolean;
  /**
   * With a recipe: goes on where an interrupted run of the same model, recipe and version stopped, with the bytes that it would have written;
   * and what is written stays for the next time when this run is interrupted or the disk is full.
   */
  readonly resume?: boolean;
}

/** What may be asked of a folder of models. Promises are about each model; a size is about all of them together. */
export interface AskedOfFolder extends Omit<Asked, 'data' | 'target'> {
  /** `<name>.min` in the current folder unless told. */
  readonly output?: string;
  /** For `transformers.js`, files get the names that its dtypes mean, and models are proven on onnxruntime-web. */
  readonly target?: FolderTarget;
  /**
   * Real inputs: a path, whose folder may hold a file or folder named like each model; anything else is tried on every model. Or by model name.
   * Models without any are judged on made-up inputs.
   */
  readonly data?: string | Readonly<Record<string, NonNullable<AskedToCompare['data']>>>;
  /** Names the files for transformers.js whatever they hold; only with that target. */
  readonly dtype?: TransformersDtype;
  /** Models that stay as they are: names inside the folder, where `*` crosses no "." or "/" and `**` does. */
  readonly skip?: readonly string[];
}

export type { Budget };
