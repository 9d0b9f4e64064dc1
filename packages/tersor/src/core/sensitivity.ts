import type { Choice } from './choice.ts';
import type { Target } from './format.ts';
import type { WeightId } from './graph.ts';
import type { LayerKind } from './layers.ts';
import type { Step } from './recipe.ts';
import type { FileReport } from './report.ts';

/** What each layer of a model can bear, as measured, and which cheap signs of it may be believed. Data only. */
export interface Sensitivity {
  /** tersor's version. */
  readonly version: string;
  readonly target: Target;
  readonly input: FileReport;
  readonly inputs: SensitivityInputs;
  /** What a loss is: see `CandidateSensitivity.loss`. Of several outputs the worst counts. */
  readonly measure: 'divergence' | 'lost variance';
  /** The steps that were tried on every layer, those of the fewest bytes first. */
  readonly tried: readonly TriedSteps[];
  /** Layers with a choice, in the order of the file. */
  readonly layers: readonly LayerSensitivity[];
  /** The one that tells most of the truth first. */
  readonly predictors: readonly PredictorReport[];
  /** What each layer gets within the limit; absent where not every layer was measured. */
  readonly allocation?: Allocation;
  /** Whether everything was measured before it was ended. */
  readonly complete: boolean;
  /** Runs of a changed model on one sample. */
  readonly forwards: number;
  /** Measurements that earlier runs had made. */
  readonly recalled: number;
  readonly notes: readonly { readonly about: string; readonly message: string }[];
  readonly seconds: Readonly<Record<string, number>>;
}

export interface SensitivityInputs {
  readonly evidence: 'data' | 'synthetic';
  readonly source: string;
  /** That every candidate ran on. */
  readonly samples: number;
}

export interface TriedSteps {
  readonly steps: readonly Step[];
  /** In words: "uint4 in blocks of 32, f16 scales". */
  readonly name: string;
  /** Layers that it makes smaller. */
  readonly layers: number;
  /** Bytes of those layers then. */
  readonly bytes: number;
  /** Losses of single layers, added up; absent where one was not measured. */
  readonly loss?: number;
  /** What the model loses when all of them are changed at once. */
  readonly together?: number;
}

export interface LayerSensitivity {
  readonly id: WeightId;
  readonly shape: readonly number[];
  readonly kind: LayerKind;
  /** As it is. */
  readonly bytes: number;
  /** In the order of `Sensitivity.tried`, without those that do not make it smaller. */
  readonly candidates: readonly CandidateSensitivity[];
}

export interface CandidateSensitivity {
  /** Index into `Sensitivity.tried`. */
  readonly tried: number;
  readonly bytes: number;
  /**
   * What the model's outputs lose when this layer alone is changed: of classes, the Kullback-Leibler divergence from the original's in nats; of values, the
   * share of their variance. Infinite losses, those that were not measured and those of layers that no sample comes by are absent.
   */
  readonly loss?: number;
  /** By predictor; those that say nothing about this layer are absent. */
  readonly predicted: Readonly<Record<string, number>>;
}

export interface PredictorReport {
  readonly id: string;
  readonly summary: string;
  readonly source: string;
  /** Spearman's rank correlation with the loss, over all layers and steps; absent where there is too little to tell. */
  readonly correlation?: number;
  /** Where that correlation may lie: 95 %. */
  readonly interval?: readonly [number, number];
  /** The same over layers that took the same steps, averaged over steps: whether it tells sensitive layers from others. */
  readonly withinSteps?: number;
  /** Pairs of layer and steps behind it. */
  readonly pairs: number;
  /** What may be decided by it on this model. */
  readonly trusted: 'everything' | 'steps' | 'nothing';
}

/** One step for each layer, the best within a limit as far as losses of layers add up, and why. */
export interface Allocation {
  readonly limit: { readonly loss: number } | { readonly bytes: number };
  /** Of all weights with a choice. */
  readonly bytes: number;
  /** Losses of layers alone, added up. */
  readonly loss: number;
  /** What the assembled model was measured to lose, in the same unit; and in quality, see `QualityReport.drop`. */
  readonly measured?: { readonly loss: number; readonly drop: number };
  /** In the order of `Sensitivity.layers`. */
  readonly choices: readonly Choice[];
}
