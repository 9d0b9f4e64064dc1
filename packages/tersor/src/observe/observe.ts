import { type Arrays, arraysInMemory } from '../core/arrays.ts';
import type { Engine, Feeds, Fold, Session, SessionOptions } from '../core/engine.ts';
import { withUniqueNames } from '../core/graph-edit/names.ts';
import { scopesOf } from '../core/graph-edit/scopes-of.ts';
import { type Model, withGraph } from '../core/model.ts';
import { keyOf, type Observation, type Observations } from '../core/observation.ts';
import type { Sample } from '../core/samples.ts';
import { type StateLink, stateLinks } from '../core/state-links.ts';
import { outputShapes } from './output-shapes.ts';
import { inParts } from './parts.ts';
import { inPasses } from './passes.ts';
import { readSights } from './read-sights.ts';
import type { Sight } from './sight.ts';
import { findSights } from './sights.ts';
import { idOf, type Look, watch } from './watch.ts';

/** Changes when what is kept of a run means something else than before. */
export const OBSERVING = 'observing 2';

/** Of an element. */
const OUTPUT_BYTES = 4;

export interface ObserveOptions {
  /** Loads a model in the engine. */
  readonly open: (model: Model, options?: SessionOptions) => Promise<{ readonly session: Session; close(): Promise<void> }>;
  /** Results of earlier runs of the same model on the same samples; new ones are added. In memory unless told. */
  readonly results?: Arrays;
  /** What the engine may hold of results at once; where they take more, the samples are run several times. 1 GB unless told. */
  readonly maxBytes?: number;
  /** What outputs of a run may take at once; where they take more, the model runs in parts, one after the other. 32 MB unless told. */
  readonly maxOutputBytes?: number;
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
  { open, results = arraysInMemory(), maxBytes = 1e9, maxOutputBytes = 2 ** 25, signal, onSample }: ObserveOptions,
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
  const largest = largestOf(samples);
  for (const [pass, chosen] of passes.entries()) {
    const watched = watch(unique, scopes, chosen);
    const folds = [...watched.folds.values()].flat().filter((fold) => fold !== undefined);
    const shapes = await outputShapes(watched.model, largest);
    const models = unique.graph ? inParts(watched.model, unique.graph, shapes, maxOutputBytes / OUTPUT_BYTES) : [watched.model];
    const opened: Awaited<ReturnType<typeof open>>[] = [];
    try {
      // one is written while another is loaded
      const opening = await Promise.allSettled(models.map((part) => open(part, { frugal: models.length > 1 })));
      for (const each of opening) if (each.status === 'fulfilled') opened.push(each.value);
      for (const each of opening) if (each.status === 'rejected') throw each.reason;
      const parts = opened.map(({ session }) => session);
      const [first] = parts;
      if (!first) continue;
      const links = linksOf(watched.model, parts);
      for (const [index, { steps }] of samples.entries()) {
        signal?.throwIfAborted();
        onSample?.(pass * samples.length + index, passes.length * samples.length);
        await engine.fold(parts, steps, links, folds);
      }
      for (const [id, list] of watched.folds) await results.put(id, await gather(engine, first, list));
    } finally {
      for (const { close } of opened) await close();
    }
  }
  return {
    unseen,
    get: async (observation) => readSights(observation.statistic, sightsOf.get(keyOf(observation)) ?? [], results),
  };
}

/** Of all samples, what is fed at the first step of the largest. */
function largestOf(samples: readonly Sample[]): Feeds {
  const sizeOf = (feeds: Feeds) => Object.values(feeds).reduce((sum, { data }) => sum + data.length, 0);
  return samples.reduce<Feeds>((most, { steps: [feeds = {}] }) => (sizeOf(feeds) > sizeOf(most) ? feeds : most), {});
}

/** The state of the model, wherever its parts take and give it. */
function linksOf({ graph }: Model, parts: readonly Session[]): StateLink[] {
  const [fed, given] = [graph?.inputs ?? [], graph?.outputs ?? []].map((infos) => new Set(infos.map(({ name }) => name)));
  return stateLinks(
    parts.flatMap(({ inputs }) => inputs.filter(({ name }) => fed?.has(name))),
    parts.flatMap(({ outputs }) => outputs.filter(({ name }) => given?.has(name))),
  );
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
