import { type Arrays, arraysInMemory } from '../core/arrays.ts';
import type { Engine, Fold, Session } from '../core/engine.ts';
import { withUniqueNames } from '../core/graph-edit/names.ts';
import { scopesOf } from '../core/graph-edit/scopes-of.ts';
import { type Model, withGraph } from '../core/model.ts';
import { keyOf, type Observation, type Observations } from '../core/observation.ts';
import type { Sample } from '../core/samples.ts';
import { stateLinks } from '../core/state-links.ts';
import { inPasses } from './passes.ts';
import { readSights } from './read-sights.ts';
import type { Sight } from './sight.ts';
import { findSights } from './sights.ts';
import { idOf, type Look, watch } from './watch.ts';

/** Changes when what is kept of a run means something else than before. */
export const OBSERVING = 'observing 1';

export interface ObserveOptions {
  /** Loads a model in the engine. */
  readonly open: (model: Model) => Promise<{ readonly session: Session; close(): Promise<void> }>;
  /** Results of earlier runs of the same model on the same samples; new ones are added. In memory unless told. */
  readonly results?: Arrays;
  /** What the engine may hold of results at once; where they take more, the samples are run several times. 1 GB unless told. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
  /** Called before each run of a sample with those done and in all. */
  readonly onSample?: (done: number, total: number) => void;
}

/**
 * Runs the model on all samples, all steps of each, and gathers what is to be observed and is not known. Activations stay with the engine, whose memory
 * does not depend on the number of samples. Every element counts, those of padding included.
 * @throws MODEL_INVALID, RUN_FAILED where the runtime cannot watch the model, INTERRUPTED
 */
export async function observe(
  engine: Pick<Engine, 'fold' | 'folded'>,
  model: Model,
  observations: readonly Observation[],
  samples: readonly Sample[],
  { open, results = arraysInMemory(), maxBytes = 1e9, signal, onSample }: ObserveOptions,
): Promise<Observations> {
  const unique = model.graph ? withGraph(model, withUniqueNames(model.graph)) : model;
  const scopes = await scopesOf(unique);
  const find = await findSights(unique, scopes);
  const unseen = new Map<string, string>();
  const sightsOf = new Map<string, readonly Sight[]>();
  const looks = new Map<string, Look>();
  for (const observation of observations) {
    const sights = find(observation);
    if (typeof sights === 'string') {
      unseen.set(keyOf(observation), sights);
      continue;
    }
    sightsOf.set(keyOf(observation), sights);
    for (const sight of sights) {
      const look = { sight, statistic: observation.statistic };
      if (!looks.has(idOf(look)) && !(await results.get(idOf(look)))) looks.set(idOf(look), look);
    }
  }

  const passes = inPasses([...looks.values()], maxBytes);
  for (const [pass, chosen] of passes.entries()) {
    const watched = watch(unique, scopes, chosen);
    const folds = [...watched.folds.values()].flat().filter((fold) => fold !== undefined);
    const { session, close } = await open(watched.model);
    try {
      const links = stateLinks(session.inputs, session.outputs);
      for (const [index, { steps }] of samples.entries()) {
        signal?.throwIfAborted();
        onSample?.(pass * samples.length + index, passes.length * samples.length);
        await engine.fold(session, steps, links, folds);
      }
      for (const [id, list] of watched.folds) await results.put(id, await gather(engine, session, list));
    } finally {
      await close();
    }
  }
  return {
    unseen,
    get: async (observation) => readSights(observation.statistic, sightsOf.get(keyOf(observation)) ?? [], results),
  };
}

/** What was folded for one look; nothing where no run came by. */
async function gather(engine: Pick<Engine, 'folded'>, session: Session, folds: readonly (Fold | undefined)[]): Promise<Float64Array[]> {
  const found: Float64Array[] = [];
  for (const fold of folds) {
    const folded = fold && (await engine.folded(session, fold));
    if (!folded) return [];
    found.push(folded);
  }
  return found;
}
