import type { Engine, Fold, Folded, Session } from '../core/engine.ts';
import { withUniqueNames } from '../core/graph-edit/names.ts';
import { scopesOf } from '../core/graph-edit/scopes-of.ts';
import { type Model, withGraph } from '../core/model.ts';
import { keyOf, type Observation, type Observations, type StatisticId, type Statistics } from '../core/observation.ts';
import type { Sample } from '../core/samples.ts';
import { stateLinks } from '../core/state-links.ts';
import { inPasses } from './passes.ts';
import { findSights } from './sights.ts';
import { type Sighted, watch } from './watch.ts';

export interface ObserveOptions {
  /** Loads a model in the engine. */
  readonly open: (model: Model) => Promise<{ readonly session: Session; close(): Promise<void> }>;
  /** What the engine may hold of results at once; where they take more, the samples are run several times. 1 GB unless told. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
  /** Called before each run of a sample with those done and in all. */
  readonly onSample?: (done: number, total: number) => void;
}

/**
 * Runs the model on all samples, all steps of each, and gathers what is to be observed. Activations stay with the engine; its memory does not depend
 * on the number of samples. Every element counts, those of padding included.
 * @throws MODEL_INVALID, RUN_FAILED where the runtime cannot watch the model, INTERRUPTED
 */
export async function observe(
  engine: Pick<Engine, 'fold' | 'folded'>,
  model: Model,
  observations: readonly Observation[],
  samples: readonly Sample[],
  { open, maxBytes = 1e9, signal, onSample }: ObserveOptions,
): Promise<Observations> {
  const unique = model.graph ? withGraph(model, withUniqueNames(model.graph)) : model;
  const scopes = await scopesOf(unique);
  const find = await findSights(unique, scopes);
  const unseen = new Map<string, string>();
  const sighted = new Map<string, Sighted>();
  for (const observation of observations) {
    const sights = find(observation);
    if (typeof sights === 'string') unseen.set(keyOf(observation), sights);
    else sighted.set(keyOf(observation), { observation, sights });
  }
  const passes = inPasses([...sighted.values()], maxBytes);
  const found = new Map<string, Statistics[StatisticId]>();
  for (const [pass, chosen] of passes.entries()) {
    const watched = watch(unique, scopes, chosen);
    if (watched.folds.length === 0) continue;
    const { session, close } = await open(watched.model);
    try {
      const links = stateLinks(session.inputs, session.outputs);
      for (const [index, { steps }] of samples.entries()) {
        signal?.throwIfAborted();
        onSample?.(pass * samples.length + index, passes.length * samples.length);
        await engine.fold(session, steps, links, watched.folds);
      }
      const folded = new Map<Fold, Folded>();
      for (const fold of watched.folds) {
        const result = await engine.folded(session, fold);
        if (result) folded.set(fold, result);
      }
      for (const each of chosen) {
        const result = watched.read(each, folded);
        if (result) found.set(keyOf(each.observation), result);
      }
    } finally {
      await close();
    }
  }
  return {
    unseen,
    // what is kept under the key of an observation is of its statistic
    get: async <S extends StatisticId>(observation: Observation<S>) => found.get(keyOf(observation)) as Statistics[S] | undefined,
  };
}
