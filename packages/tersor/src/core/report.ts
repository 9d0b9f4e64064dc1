import type { Budget } from './budget.ts';
import type { Choice } from './choice.ts';
import type { ErrorSpread } from './error-spread.ts';
import type { Target } from './format.ts';
import type { WeightId } from './graph.ts';
import type { LayerKind } from './layers.ts';
import type { Recipe } from './recipe.ts';
import type { LabelledQuality, WorstSample } from './report-samples.ts';

export type { Answer, ClassDelta, LabelledQuality, WorstSample } from './report-samples.ts';

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
  /** In the order of the original file. */
  readonly weights: readonly WeightReport[];
  readonly quality?: QualityReport;
  readonly speed?: SpeedReport;
  readonly memory: { readonly process: number; readonly engine?: number };
  readonly runtimes: readonly RuntimeReport[];
  readonly promises: readonly PromiseReport[];
  /** What was left alone, and why. */
  readonly skipped: readonly { readonly about: string; readonly message: string }[];
  readonly seconds: Readonly<Record<string, number>>;
  /** What has to be the same for the promises to be measured again. */
  readonly conditions?: ConditionsReport;
  /** What is downloaded; only measured when a report was asked for. */
  readonly transfer?: TransferReport;
  /** Allocations of which none is both smaller and better than another, the smallest first; only where the search found some. */
  readonly front?: readonly FrontPoint[];
  /** Where the result parts from what it should compute; only when its outputs are far off, and the operator was found. */
  readonly divergence?: DivergenceReport;
  /** What steps would have broken and was kept in higher precision; the recipe says so, too. */
  readonly repairs?: readonly RepairReport[];
  /** What choosing took; only where something was chosen. */
  readonly search?: SearchReport;
  /** How much the result depends on the data that its steps see; only when that was asked for. */
  readonly calibration?: CalibrationReport;
}

export interface FileReport {
  readonly path: string;
  readonly format: string;
  /** All files together, external data included. */
  readonly bytes: number;
  /** SHA-256 of all files one after the other, the model itself first: lower-case hex. Only of results, when a report was asked for. */
  readonly sha256?: string;
}

export interface ConditionsReport {
  readonly seed: number;
  /** The limits that were promised. */
  readonly budget: Budget;
  /** Path of the inputs; absent when they were made up, or handed in as values. */
  readonly data?: string;
  /** How pictures and sound became inputs, where that was said. */
  readonly preprocess?: string;
  /** At most so many samples. */
  readonly samples?: number;
  /** What outputs mean, where that was said. */
  readonly outputs?: Readonly<Record<string, OutputQuality['kind']>>;
  /** Path of the module that scored. */
  readonly eval?: string;
  /** It was proven in a browser, too, as was asked for. */
  readonly browser?: true;
}

/** All files of a model as servers send them. */
export interface TransferReport {
  readonly before: Weighed;
  readonly after: Weighed;
}

export interface Weighed {
  readonly bytes: number;
  /** After brotli, quality 9. */
  readonly brotli: number;
}

export interface FrontPoint {
  readonly bytes: number;
  /** Loss of quality where it was chosen, as a fraction. */
  readonly drop: number;
  readonly chosen: boolean;
}

export interface SearchReport {
  /** Layers with a choice. */
  readonly layers: number;
  /** What all of them could become, besides what they were. */
  readonly candidates: number;
  /** Runs of a changed model on one sample, proof included. */
  readonly forwards: number;
  /** Measurements that earlier searches had made. */
  readonly recalled: number;
  /** Why layers got what they got, by what was measured of each; absent where nothing had to be weighed up: all layers bear the same. */
  readonly choices?: readonly Choice[];
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
  /** SHA-256 of all inputs, in hexadecimal: reports with the same one were judged by the same data. */
  readonly digest?: string;
  readonly outputs: readonly OutputQuality[];
  /** Samples whose answers changed most, the worst first: of classes, those whose decisions changed. */
  readonly worst?: readonly WorstSample[];
  /** How often answers are right, where the data says what is. */
  readonly labelled?: LabelledQuality;
  /** The same on parts of the samples; only when it was asked for. */
  readonly subsets?: SubsetsReport;
  /** What a user's own measure said of both models; higher is better. */
  readonly scores?: readonly ScoreReport[];
}

/** How much a quality depends on which samples it was measured on. */
export interface SubsetsReport {
  /** What is lost on each part of the samples, see `QualityReport.drop`. */
  readonly drops: readonly number[];
  readonly mean: number;
  /** Standard deviation of the drops. */
  readonly deviation: number;
  /** The part whose drop is nearest to that of all samples: index into `drops`, and the names of its samples. */
  readonly representative: { readonly subset: number; readonly samples: readonly string[] };
}

/** The same steps on parts of the data that they see, judged by other samples: those that results are chosen by. */
export interface CalibrationReport {
  /** What the result of each part loses, see `QualityReport.drop`. */
  readonly drops: readonly number[];
  readonly mean: number;
  /** Standard deviation of the drops. */
  readonly deviation: number;
  /** What the result of all parts together loses. */
  readonly all: number;
  /** The part that the result is made by: index into `drops`, and the names of its samples. Absent where it is made by all of them, because none loses less. */
  readonly chosen?: { readonly part: number; readonly samples: readonly string[] };
}

export interface ScoreReport {
  readonly name: string;
  readonly before: number;
  readonly after: number;
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
  /** The output has another shape than the original's, or is not finite where that is: `metric` says which. */
  readonly broken?: boolean;
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
  /** Every set of input shapes that was timed, the smallest first; absent in reports of older versions. */
  readonly timings?: readonly ShapeTiming[];
}

/** How long runs on one set of input shapes took, and how far that spread. */
export interface ShapeTiming {
  readonly shapes: string;
  readonly ratio: number;
  readonly interval: readonly [number, number];
  readonly rounds: number;
  readonly before: Spread;
  readonly after: Spread;
}

/** Quantiles: five of a hundred values are below `p5`. */
export interface Spread {
  readonly p5: number;
  readonly p25: number;
  readonly p50: number;
  readonly p75: number;
  readonly p95: number;
}

export interface RuntimeReport {
  /** "onnxruntime-node 1.30.0". */
  readonly name: string;
  readonly status: 'verified' | 'unverified' | 'failed';
  readonly message?: string;
  /** Of the result there, against the original on the first runtime; only of further runtimes. See `QualityReport.drop`. */
  readonly drop?: number;
  /** See `SpeedReport.ratio`; only of further runtimes. */
  readonly ratio?: number;
}

/** The first operator whose inputs agree in two runs of the same feeds, and whose output does not. */
export interface DivergenceReport {
  /** What was compared: "the original on onnxruntime-node 1.30.0". */
  readonly between: readonly [string, string];
  /** Of the second: path of branches, then name, or first output where it has none. */
  readonly node: string;
  readonly op: string;
  /** Its output, as both models call it. */
  readonly value: string;
  readonly reason: 'error' | 'not finite' | 'another shape';
  /** Relative RMS error of that output; absent for the other reasons. */
  readonly error?: number;
  /** The largest error of what it is computed from. */
  readonly errorBefore: number;
  /** The sample, and the step of its sequence. */
  readonly sample: string;
  /** How many values were compared on the way. */
  readonly compared: number;
  /** False when both agree as soon as values before it are looked at: operators that the runtime fuses may be to blame. */
  readonly certain: boolean;
}

export interface RepairReport {
  /** Which step, from 0, of the recipe before it was mended, and its method; one that has no layers left is gone from it. */
  readonly step: number;
  readonly use: string;
  /** Nodes, by first output, or weights that the step now leaves in higher precision. */
  readonly kept: readonly string[];
  readonly because: string;
}

export interface PromiseReport {
  readonly name: 'loads' | 'smaller' | 'drop' | 'size' | 'coded' | 'latency' | 'memory';
  /** As it was asked: "<= 1 %", "<= 25 MB". */
  readonly promised: string;
  readonly actual: string;
  /** `indicated`: kept as far as the evidence goes, which is synthetic or too small to resolve it. */
  readonly status: 'kept' | 'indicated' | 'missed' | 'unverified';
}

/** A model held against the report that came with it: is it that file, and does it still keep what was promised? */
export interface Check {
  readonly version: string;
  readonly model: FileReport;
  /** Every row is kept, or at least none is missed. */
  readonly kept: boolean;
  readonly rows: readonly CheckRow[];
  /** Absent when it was not run. */
  readonly quality?: QualityReport;
  readonly speed?: SpeedReport;
  readonly runtimes: readonly RuntimeReport[];
  readonly seconds: Readonly<Record<string, number>>;
}

export interface CheckRow {
  readonly name: PromiseReport['name'] | 'bytes' | 'sha256' | 'inputs' | 'files';
  readonly promised: string;
  /** What the report says; absent when it is silent about it. */
  readonly reported?: string;
  readonly actual: string;
  readonly status: PromiseReport['status'];
}

export interface ComparedWeight extends WeightReport {
  /** How the error is spread over values; absent where there is none. */
  readonly spread?: ErrorSpread;
  /** Values that are infinite or not a number in one of the two alone, if there are some: no error is as large as that. */
  readonly broken?: number;
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
  /** Weights that both files have under one name, or under names that mean the same in their formats; `error` where both could be decoded to one shape. */
  readonly weights: readonly ComparedWeight[];
  readonly onlyInA: readonly WeightId[];
  readonly onlyInB: readonly WeightId[];
  readonly runtimes: readonly RuntimeReport[];
  /** Where `b` parts from `a`; only when outputs are far apart or it was asked for, and the operator was found. */
  readonly divergence?: DivergenceReport;
  readonly seconds: Readonly<Record<string, number>>;
}
