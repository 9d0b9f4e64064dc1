import type { Model } from '../core/model.ts';
import type { Observation, Observations } from '../core/observation.ts';
import { observe } from '../observe/observe.ts';
import type { Job } from './job.ts';
import { openTemporarily } from './open-temporarily.ts';
import type { Part, Referee } from './referee.ts';

/**
 * What is to be known of a model's activations, over a part of the inputs.
 * @throws MODEL_INVALID, RUN_FAILED where the runtime cannot watch the model, FILE_WRITE, INTERRUPTED
 */
export function observeModel(
  { input: { format }, target, kernels, asked: { signal } }: Job,
  referee: Referee,
  model: Model,
  observations: readonly Observation[],
  part: Part,
): Promise<Observations> {
  const around = { format, target, kernels, ...(signal && { signal }) };
  return observe(referee.engine, model, observations, referee.samples(part), {
    open: (watched) => openTemporarily(referee.engine, watched, around),
    ...(signal && { signal }),
  });
}
