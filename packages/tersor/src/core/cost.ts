import type { Shape } from './dtype.ts';

/** What an operator is, as far as its cost goes. */
export type OperatorFamily =
  | 'linear'
  | 'conv'
  | 'depthwise'
  | 'attention'
  | 'recurrent'
  | 'embedding'
  | 'elementwise'
  | 'reduction'
  | 'movement'
  /** Another name for the same bytes: Reshape and its like. */
  | 'view'
  /** If, Loop, Scan: what they cost is listed as the operators inside. */
  | 'control'
  | 'unknown';

/** What products are computed in: floats, integers, or floats times codes of so many bits (`w4`). */
export type Arithmetic = 'f64' | 'f32' | 'f16' | 'i8' | 'w8' | 'w4' | 'w2';

/** What one operator costs in one run of the model. */
export interface OperatorCost {
  /** The node's name, or its first output; inside a branch its path comes first. */
  readonly name: string;
  /** `Conv`, `com.microsoft.MatMulNBits`. */
  readonly op: string;
  readonly family: OperatorFamily;
  readonly arithmetic: Arithmetic;
  /** Of the first output; absent when it could not be found. */
  readonly shape?: Shape;
  /** Multiply-accumulates of products of matrices, convolutions, recurrences and attention; biases and scales are not among them. */
  readonly macs: number;
  /** Other arithmetic operations, one an element and step. */
  readonly operations: number;
  /** Of constants that it reads. */
  readonly weightBytes: number;
  /** Of activations that it reads and writes. */
  readonly readBytes: number;
  readonly writtenBytes: number;
  /** Of all activations that are alive while it runs. */
  readonly liveBytes: number;
  /** How often it runs: more than once inside Scan and Loop. What is counted above is for all of them. */
  readonly runs: number;
  /** The runtime computes it along with the operator before it: an activation after Conv, a bias. */
  readonly fused: boolean;
  /** Predicted for a device; absent where nothing can be said. */
  readonly time?: OperatorTime;
}

export interface OperatorTime {
  readonly ms: number;
  /** What it waits for. */
  readonly bound: 'compute' | 'memory' | 'overhead';
}

/** What a model costs to run, computed from shapes: nothing is run. */
export interface Cost {
  /** Shapes of the inputs that all this is for. */
  readonly inputs: readonly { readonly name: string; readonly shape: Shape; readonly from: ShapeOrigin }[];
  readonly macs: number;
  readonly operations: number;
  /** Elements of all weights, as `inspect` counts them. */
  readonly parameters: number;
  readonly memory: MemoryCost;
  /** Absent for models without a cache that grows. */
  readonly cache?: CacheCost;
  /** Predicted for a device, one run. */
  readonly latency?: LatencyCost;
  /** In the order in which they run; what is computed once, when the model is loaded, is not among them. */
  readonly operators: readonly OperatorCost[];
  /** What could not be counted, and what was taken for granted. */
  readonly notes: readonly string[];
}

export type ShapeOrigin = 'file' | 'asked' | 'guessed' | 'traced';

export interface MemoryCost {
  /** Weights as the file stores them. */
  readonly storedBytes: number;
  /** Weights as the runtime holds them: expanded ones as floats, others as they are stored. */
  readonly weightBytes: number;
  /** The most that activations take at one time: inputs, outputs and what lies between, views and what is computed in place counted once. */
  readonly peakBytes: number;
  /** The operator that runs then. */
  readonly peakAt?: string;
  /** The values that are alive then, the largest first. */
  readonly alive: readonly { readonly name: string; readonly bytes: number }[];
  /** All that operators write in one run. */
  readonly activationBytes: number;
}

export interface CacheCost {
  /** What every further token adds to the keys and values, for one sequence. */
  readonly bytesPerToken: number;
  /** At the lengths of `inputs`, after the run. */
  readonly bytes: number;
}

export interface LatencyCost {
  readonly device: string;
  /** An estimate from what is known of such devices, or measured on one. */
  readonly basis: 'estimate' | 'measured';
  readonly ms: number;
  /** The part of it that waits for memory, for arithmetic, and for operators to start. */
  readonly share: Readonly<Record<OperatorTime['bound'], number>>;
  /** Always an estimate: arithmetic and bytes times what the literature says of one. */
  readonly energy: EnergyCost;
}

export interface EnergyCost {
  readonly millijoules: number;
  readonly source: string;
}
