import type { Target } from './format.ts';
import type { WeightId } from './graph.ts';
import type { LayerKind } from './layers.ts';
import type { Recipe } from './recipe.ts';

/** What was done, what it won and what it cost. Data only: printing is the command line's. Sizes are bytes, times are milliseconds unless named otherwise. */
export interface Report {
  /** tersor's version. */
  readonly version: string;
  readonly target: Target;
  readonly input: FileReport;
  /** Absent when nothing was gained or nothing was left behind. */
  readonly output?: FileReport;
  /** Of the result, whether it was written, only planned, or not left behind; absent when nothing was made. */
  readonly resultBytes?: number;
  readonly outcome: 'compressed' | 'nothing-to-gain' | 'missed' | 'planned';
  /** Replays to identical bytes. */
  readonly recipe: Recipe;
  readonly weights: readonly WeightReport[];
  readonly quality?: QualityReport;
  readonly speed?: SpeedReport;
  readonly memory: { readonly process: number; readonly engine?: number };
  readonly runtimes: readonly RuntimeReport[];
  readonly promises: readonly PromiseReport[];
  /** What was left alone, and why. */
  readonly skipped: readonly { readonly about: string; readonly message: string }[];
  readonly seconds: Readonly<Record<string, number>>;
}

export interface FileReport {
  readonly path: string;
  readonly format: string;
  /** All files together, external data included. */
  readonly bytes: number;
}

export interface WeightReport {
  readonly id: WeightId;
  readonly shape: readonly number[];
  readonly kind?: LayerKind;
  /** Layouts in words: "f32", "int8 per row, f16 scales". */
  readonly before: string;
  readonly after: string;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  /** Relative RMS error of the weight itself, |w - w'| / |w|; absent when not measured. */
  readonly error?: number;
}

export interface QualityReport {
  /** Of the worst output: `top-1 agreement`, `R²`, ... */
  readonly metric: string;
  readonly value: number;
  /** 1 - value. */
  readonly drop: number;
  /** 95 % bootstrap interval of the drop over samples. */
  readonly interval: readonly [number, number];
  /** How many decisions or elements stand behind the value. */
  readonly decisions: number;
  readonly samples: number;
  readonly evidence: 'data' | 'synthetic';
  readonly source: string;
  readonly outputs: readonly OutputQuality[];
}

export interface OutputQuality {
  readonly name: string;
  readonly kind: 'classes' | 'value' | 'state';
  readonly metric: string;
  readonly value: number;
  readonly cosine: number;
  /** Signal to quantization noise, dB. */
  readonly sqnr: number;
  /** Mean Kullback-Leibler divergence to the original, nats; classes only. */
  readonly divergence?: number;
  readonly decisions: number;
}

export interface SpeedReport {
  /** New latency / old latency: the median over rounds, worst over shapes. */
  readonly ratio: number;
  readonly interval: readonly [number, number];
  readonly before: number;
  readonly after: number;
  readonly rounds: number;
  /** Input shapes it was timed on: "input [1,3,224,224]". */
  readonly shapes: string;
}

export interface RuntimeReport {
  /** "onnxruntime-node 1.30.0". */
  readonly name: string;
  readonly status: 'verified' | 'unverified' | 'failed';
  readonly message?: string;
}

export interface PromiseReport {
  readonly name: 'loads' | 'smaller' | 'drop' | 'size' | 'latency' | 'memory';
  /** As it was asked: "<= 1 %", "<= 25 MB". */
  readonly promised: string;
  readonly actual: string;
  /** `indicated`: kept as far as the evidence goes, which is synthetic or too small to resolve it. */
  readonly status: 'kept' | 'indicated' | 'missed' | 'unverified';
}

/** Two models side by side: what `b` gives up and gains against `a`. */
export interface Comparison {
  readonly version: string;
  readonly target: Target;
  readonly a: FileReport;
  readonly b: FileReport;
  /** Bytes of b / bytes of a. */
  readonly sizeRatio: number;
  /** Absent when one of them does not run; `runtimes` says why. */
  readonly quality?: QualityReport;
  readonly speed?: SpeedReport;
  /** Weights that both files have under one name; `error` where both could be decoded to one shape. */
  readonly weights: readonly WeightReport[];
  readonly onlyInA: readonly WeightId[];
  readonly onlyInB: readonly WeightId[];
  readonly runtimes: readonly RuntimeReport[];
  readonly seconds: Readonly<Record<string, number>>;
}
