import type { Layer } from '../core/layers.ts';
import { toMatrix } from '../core/matrix.ts';
import type { Model } from '../core/model.ts';
import { type Observation, type Observations, ofInput } from '../core/observation.ts';
import { observe } from '../observe/observe.ts';
import type { Weigh } from '../search/predictors/predictor.ts';
import type { Job } from './job.ts';
import { openTemporarily } from './open-temporarily.ts';
import { openQuadraticForms } from './quadratic-forms.ts';
import type { Referee } from './referee.ts';

/** A Gram matrix of more columns takes more than it tells. */
const MOST_COLUMNS = 2304;

/** What layers were seen to multiply their weights by. */
export interface LayerInputs {
  /** How far errors of a layer's weight move its outputs, on average over the inputs: their squares, added up. Undefined where nothing was seen. */
  weigher(layer: Layer): Promise<Weigh | undefined>;
  close(): Promise<void>;
}

/** Runs the model once on the samples that layers are ranked by. */
export async function observeLayers(job: Job, referee: Referee, model: Model, layers: readonly Layer[]): Promise<LayerInputs> {
  const { input, target, kernels, asked } = job;
  const around = { format: input.format, target, kernels, ...(asked.signal && { signal: asked.signal }) };
  const wanted = layers.map(statisticFor);
  const seen = await observe(referee.engine, model, wanted, referee.parts.rank.samples, {
    open: (watched, options) => openTemporarily(referee.engine, watched, around, options),
    ...(asked.signal && { signal: asked.signal }),
  });
  const forms = await openQuadraticForms(job, referee);
  return {
    async weigher(layer) {
      const { shape } = layer.weight;
      const inMatrix = (values: Float32Array) => toMatrix(values, shape, layer.outputAxes);
      if (layer.kind === 'embedding') return byTokens(layer, seen);
      const gram = await seen.get(ofInput(layer.weight.id, 'gram'));
      if (gram) {
        const form = await forms.of(gram);
        return (values) => form(inMatrix(values));
      }
      const squares = await seen.get(ofInput(layer.weight.id, 'mean-square'));
      return squares && (async (values) => diagonal(inMatrix(values), squares.values, squares.groups, squares.columns));
    },
    close: forms.close,
  };
}

function statisticFor({ kind, weight, inputs }: Layer): Observation {
  if (kind === 'embedding') return ofInput(weight.id, 'tokens');
  return ofInput(weight.id, inputs <= MOST_COLUMNS ? 'gram' : 'mean-square');
}

/** Every row of a table counts as often as it was looked up. */
async function byTokens({ weight: { id, shape }, outputAxes }: Layer, seen: Observations): Promise<Weigh | undefined> {
  const tokens = await seen.get(ofInput(id, 'tokens'));
  if (!tokens || outputAxes.join() !== '0' || tokens.counts.length !== shape[0]) return undefined;
  return async (values) => {
    const width = values.length / tokens.counts.length;
    let sum = 0;
    tokens.counts.forEach((count, row) => {
      if (count === 0) return;
      for (let i = row * width; i < (row + 1) * width; i++) sum += count * values[i]! ** 2;
    });
    return sum / Math.max(1, tokens.total);
  };
}

/** As if columns were independent. */
function diagonal(matrix: Float32Array, squares: Float64Array, groups: number, columns: number): number {
  let sum = 0;
  const rows = matrix.length / columns;
  for (let row = 0; row < rows; row++) {
    const group = Math.floor((row * groups) / rows) * columns;
    for (let i = 0; i < columns; i++) sum += matrix[row * columns + i]! ** 2 * squares[group + i]!;
  }
  return sum;
}
