import type { Engine, Feeds } from '../core/engine.ts';
import type { Model } from '../core/model.ts';
import type { Observation, Observations } from '../core/observation.ts';
import type { Sample } from '../core/samples.ts';
import { observe } from '../observe/observe.ts';
import { openTemporarily } from './open-temporarily.ts';

/** Runs models that are not written yet, to see what flows through them. */
export interface Runner {
  readonly samples: readonly Sample[];
  /** Whether every step of every sample is on its own. */
  readonly isStateless: boolean;
  /** @param samples  what a part of the model is fed with; `samples` unless told @throws MODEL_INVALID, RUN_FAILED, FILE_WRITE, INTERRUPTED */
  observe(model: Model, observations: readonly Observation[], samples?: readonly Sample[]): Promise<Observations>;
  /** The outputs for each step of each sample, of a model without state. @throws the same */
  run(model: Model, samples: readonly Sample[]): AsyncGenerator<Feeds>;
}

/** @param around  how models are written */
export function openRunner(
  engine: Engine,
  samples: readonly Sample[],
  isStateless: boolean,
  around: Parameters<typeof openTemporarily>[2],
): Runner {
  const { signal } = around;
  const open = (model: Model) => openTemporarily(engine, model, around);
  return {
    samples,
    isStateless,
    observe: (model, observations, some = samples) => observe(engine, model, observations, some, { open, ...(signal && { signal }) }),
    async *run(model, some) {
      const { session, close } = await open(model);
      try {
        for (const { steps } of some) {
          for (const feeds of steps) {
            signal?.throwIfAborted();
            yield await session.run(feeds);
          }
        }
      } finally {
        await close();
      }
    },
  };
}
