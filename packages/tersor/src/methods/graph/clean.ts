import { type Tally, tallied } from '../../core/graph-edit/tally.ts';
import { defineMethod } from '../../core/method.ts';
import type { Model } from '../../core/model.ts';
import { foldBatchNorm } from './fold-batchnorm.ts';
import { foldConstants } from './fold-constants.ts';
import { mergeDuplicates, mergeOptions } from './merge-duplicates.ts';
import { removeNoOps } from './remove-no-ops.ts';

export default defineMethod({
  id: 'clean',
  family: 'graph',
  summary: 'All lossless graph clean-up: no-ops, constants, BatchNormalization, duplicates, until nothing changes.',
  notes: `Runs remove-no-ops, fold-constants and fold-batchnorm, and then merge-duplicates, again and again until none of them finds anything.
The result computes the same up to float rounding and its file is never larger. The main job starts with it.`,
  source: 'https://onnx.ai/onnx/repo-docs/IR.html',
  options: mergeOptions,
  changes: 'graph',
  loss: 'none',
  apply: (model, { large }, { note, signal }) => tallied('clean', note, (tally) => clean(model, large, tally, signal)),
});

async function clean(model: Model, large: boolean, tally: Tally, signal?: AbortSignal): Promise<Model> {
  let result = model;
  let before: Model;
  do {
    before = result;
    result = await removeNoOps(result, tally, signal);
    result = await foldConstants(result, tally, signal);
    result = await foldBatchNorm(result, tally, signal);
    // Weights that several operators share cannot be folded any more, so this comes when nothing else is left to do.
    if (result === before) result = await mergeDuplicates(result, large, tally, signal);
  } while (result !== before);
  return result;
}
