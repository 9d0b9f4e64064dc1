import { cosine } from './predictors/cosine.ts';
import { effectiveRank } from './predictors/effective-rank.ts';
import { entropyBound } from './predictors/entropy-bound.ts';
import { kurtosis } from './predictors/kurtosis.ts';
import { outputError } from './predictors/output-error.ts';
import type { Predictor } from './predictors/predictor.ts';
import { weightError } from './predictors/weight-error.ts';

/** The cheap signs of a loss, one a file. */
export const PREDICTORS: readonly Predictor[] = [outputError, weightError, cosine, entropyBound, kurtosis, effectiveRank];
