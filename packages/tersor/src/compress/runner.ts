import { type Arrays, arraysInMemory } from '../core/arrays.ts';
import type { Engine, Feeds, SessionOptions } from '../core/engine.ts';
import type { Model } from '../core/model.ts';
import type { Observation, Observations } from '../core/observation.ts';
import type { Sample, Samples } from '../core/samples.ts';
import { digestOfAll } from '../data/digest-node.ts';
import { openArrays } from '../io/node-arrays.ts';
import { openDigestStore } from '../io/node-digest-store.ts';
import { processorName, version } from '../io/node-process.ts';
import { OBSERVING, observe } from '../observe/observe.ts';
import { openTemporarily } from './open-temporarily.ts';

/** Runs models that are not written yet, to see what flows through them. */
export interface Runner {
  readonly samples: readonly Sample[];
  readonly evidence: Samples['evidence'];
  /** Whether every step of every sample is on its own. */
  readonly isStateless: boolean;
  /** @param samples  what a part of the model is fed with; `samples` unless told @throws MODEL_INVALID, RUN_FAILED, FILE_WRITE, INTERRUPTED */
  observe(model: Model, observations: readonly Observation[], samples?: readonly Sample[]): Promise<Observations>;
  /** The outputs for each step of each sample, of a model without state. @throws the same */
  run(model: Model, samples: readonly Sample[]): AsyncGenerator<Feeds>;
}

/** How models are written. */
interface Around extends Writing {
  /** A folder for what was observed; nothing is kept without one. */
  readonly cache?: string;
  /** Called before each sample while a model is observed, with those done and in all. */
  readonly onSample?: (done: number, total: number) => void;
}

type Writing = Parameters<typeof openTemporarily>[2];

export function openRunner(
  engine: Engine,
  { samples, evidence }: Samples,
  isStateless: boolean,
  { cache, onSample, ...around }: Around,
): Runner {
  const { signal } = around;
  const open = (model: Model, options?: SessionOptions) => openTemporarily(engine, model, around, options);
  let data: string | undefined;
  let latest: { readonly model: string; readonly results: Arrays } | undefined;
  /** What was observed before of this model on these samples: without a cache, of the model that was last observed. */
  const resultsOf = async (model: Model): Promise<Arrays> => {
    if (cache === undefined) {
      const digest = await digestOf(model, around);
      if (latest?.model !== digest) latest = { model: digest, results: arraysInMemory() };
      return latest.results;
    }
    data ??= digestOfAll(samples);
    return openArrays(cache, [version(), OBSERVING, processorName(), engine.name, data, await digestOf(model, around)]);
  };
  return {
    samples,
    evidence,
    isStateless,
    async observe(model, observations, some) {
      const results = some ? arraysInMemory() : await resultsOf(model);
      return observe(engine, model, observations, some ?? samples, {
        open,
        results,
        ...(signal && { signal }),
        ...(onSample && { onSample }),
      });
    },
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

/** Of the file that the model would be. */
async function digestOf(model: Model, { format, ...options }: Writing): Promise<string> {
  const store = openDigestStore();
  await format.write(model, store, 'model', options);
  await store.commit();
  return store.digest();
}
