import { editGraphs } from '../../core/graph-edit/edit-graphs.ts';
import { foldAffine } from '../../core/graph-edit/fold-affine.ts';
import { count, type Tally, tallied } from '../../core/graph-edit/tally.ts';
import { defineMethod } from '../../core/method.ts';
import type { Model } from '../../core/model.ts';

export default defineMethod({
  id: 'fold-batchnorm',
  family: 'graph',
  summary: 'Works BatchNormalization and other per-channel arithmetic into the weights beside it.',
  notes: `Folds BatchNormalization, and Add, Sub, Mul or Div by one constant per channel, into the Conv, ConvTranspose, Gemm or MatMul before it, and
BatchNormalization into an unpadded Conv after it. Computed in double precision and rounded once. Left alone: training mode, values that
something else uses, too, weights that several operators share, and half-precision weights where the product could overflow or vanish.`,
  source: 'https://arxiv.org/abs/1712.05877',
  options: {},
  changes: 'graph',
  loss: 'none',
  apply: (model, _, { note, signal }) => tallied('fold-batchnorm', note, (tally) => foldBatchNorm(model, tally, signal)),
});

const RISKY = 'left # operators alone: half-precision weights might not hold the product';

export function foldBatchNorm(model: Model, tally: Tally, signal?: AbortSignal): Promise<Model> {
  return editGraphs(
    model,
    async (graph, site) => {
      const { graph: edited, normalizations, others, risky } = await foldAffine(graph, site);
      count(tally, 'folded # BatchNormalization into weights', normalizations);
      count(tally, 'folded # per-channel Add, Sub, Mul or Div into weights', others);
      if (risky > 0) tally.set(RISKY, Math.max(risky, tally.get(RISKY) ?? 0)); // the same ones are met in every round
      return edited;
    },
    signal,
  );
}
