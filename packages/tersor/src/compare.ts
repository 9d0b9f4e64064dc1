import { findSource } from './compress/find-source.ts';
import { type Job, openJob } from './compress/job.ts';
import { type Opened, openModel } from './compress/open-model.ts';
import { prove } from './compress/prove.ts';
import { recipeInside } from './compress/recipe-in-file.ts';
import { openReferee } from './compress/referee.ts';
import { type Sized, weightsReport } from './compress/weights-report.ts';
import { checkpointOf } from './convert/checkpoint.ts';
import { pairNames } from './convert/pair-names.ts';
import type { AskedToCompare } from './core/asked.ts';
import { TersorError } from './core/error.ts';
import { errorSpread } from './core/error-spread.ts';
import { findLayers } from './core/find-layers.ts';
import type { Target } from './core/format.ts';
import { eachGraph, type WeightId } from './core/graph.ts';
import type { Model, Weight } from './core/model.ts';
import { type ErrorSums, errorOf, errorSums, valuesOf } from './core/relative-error.ts';
import type { ComparedWeight, Comparison, FileReport } from './core/report.ts';
import { weightPairs } from './core/weight-pairs.ts';
import { version } from './io/node-process.ts';
import { METHODS } from './methods/registry.gen.ts';

type Measured = Pick<Comparison, 'quality' | 'speed' | 'runtimes' | 'divergence'>;

/**
 * How model `b` differs from model `a`, which counts as the original: outputs, latency, bytes, and the weights that both have under one name.
 * Where `b` says how tersor made it, weights are compared with those of `a` after the lossless steps. Checkpoints, which have no graph to run, are
 * compared by their weights alone. Files of two formats are compared by the names, shapes and order of rows that PyTorch has for them. Nothing is written.
 *
 * @throws {TersorError} FILE_* when one cannot be read, DATA_INVALID, MODEL_INVALID when the runtime refuses `a`, INTERRUPTED
 */
export async function compare(a: string, b: string, asked: AskedToCompare = {}): Promise<Comparison> {
  const job = await openJob(await findSource(a), asked);
  try {
    const other = await openModel(await findSource(b));
    try {
      const canRun = job.input.model.graph !== undefined && other.model.graph !== undefined;
      const measured = canRun ? await job.clock.time('measure', () => measure(job, other.stock)) : { runtimes: [] };
      const [before, after] = await sideBySide(job, other);
      const weights = await job.clock.time('weights', () => compareWeights(job, before, after));
      return {
        version: version(),
        target: job.target,
        a: fileReport(job.input),
        b: fileReport(other),
        sizeRatio: other.bytes / job.input.bytes,
        ...measured,
        weights,
        onlyInA: missing(before, after),
        onlyInB: missing(after, before),
        seconds: job.clock.seconds(),
      };
    } finally {
      await other.close();
    }
  } catch (error) {
    if (asked.signal?.aborted) throw new TersorError('INTERRUPTED', a, 'stopped on request', '', { cause: error });
    throw error;
  } finally {
    await job.close();
  }
}

/** Both on the same inputs, all of them. */
async function measure(job: Job, path: string): Promise<Measured> {
  const referee = await openReferee(job);
  try {
    const { quality, speed, runtimes, divergence } = await prove(job, referee, path, {}, 'all');
    return { runtimes, ...(quality && { quality }), ...(speed && { speed }), ...(divergence && { divergence }) };
  } finally {
    await referee.close();
  }
}

/**
 * The original after the lossless steps of the other file's recipe, if it has one: weights that BatchNormalization was folded into are
 * compared with what they are then, not with what they were before.
 */
async function cleanedLike({ input: { model }, apply }: Job, other: Model): Promise<Model> {
  const steps = (recipeInside(other)?.steps ?? []).filter(({ use }) =>
    Object.entries(METHODS).some(([id, { loss }]) => id === use && loss === 'none'),
  );
  try {
    return await apply(model, steps, true);
  } catch (error) {
    // a recipe that does not fit was made for another model
    if (error instanceof TersorError && ['RULE_UNMATCHED', 'OPTION_VALUE', 'LAYOUT'].includes(error.code)) return model;
    throw error;
  }
}

/** The weights of both, under names that mean the same in both. */
async function sideBySide(job: Job, other: Opened): Promise<readonly [Weights, Weights]> {
  const { input, target } = job;
  if (input.format.id !== other.format.id)
    return byCheckpoint(await checkpointWeightsOf(input, target), await checkpointWeightsOf(other, target));
  const original = { ...input, model: await cleanedLike(job, other.model) };
  return [await weightsOf(original, target), await weightsOf(other, target)];
}

/** Weights of a file of any format, by the names and in the shapes that PyTorch has for them. */
async function checkpointWeightsOf(opened: Opened, target: Target): Promise<Weights> {
  const { weights } = await checkpointOf(opened);
  const { size } = await liftedOf(opened, target);
  return {
    model: { format: opened.format.id, meta: opened.model.meta, execution: new Map(), weights },
    size: { ...size, weights: new Map([...weights.values()].map(({ id, origin }) => [id, size.weights.get(origin) ?? 0])) },
    ids: [...weights.keys()],
  };
}

/** Both with the names of the first, where one name means another. */
function byCheckpoint(a: Weights, b: Weights): readonly [Weights, Weights] {
  const named = ({ model }: Weights) => [...model.weights.values()].map(({ id, shape }) => ({ name: id, shape }));
  const theirs = new Map([...pairNames(named(a), named(b))].map(([ours, name]) => [name, ours]));
  const renamed = (id: WeightId) => theirs.get(id) ?? id;
  const weights = new Map([...b.model.weights.values()].map((weight) => [renamed(weight.id), { ...weight, id: renamed(weight.id) }]));
  const sizes = new Map([...b.size.weights].map(([id, bytes]) => [renamed(id), bytes]));
  return [a, { model: { ...b.model, weights }, size: { ...b.size, weights: sizes }, ids: [...weights.keys()] }];
}

/** A file's weights in their layouts, under all the names that they have, with what they take of the file. */
interface Weights extends Sized {
  /** Each weight once. */
  readonly ids: readonly WeightId[];
}

async function weightsOf(opened: Opened, target: Target): Promise<Weights> {
  const { model, size } = await liftedOf(opened, target);
  return { model: withOtherNames(model), size, ids: [...model.weights.keys()] };
}

async function liftedOf({ format, model }: Opened, target: Target): Promise<Sized> {
  const lifted = await format.lift(model);
  const { bytes, weights: parts } = await format.size(model, target);
  const sizes = new Map<WeightId, number>();
  for (const [part, size] of parts) {
    const owner = lifted.owners.get(part) ?? part;
    sizes.set(owner, (sizes.get(owner) ?? 0) + size);
  }
  return { model: lifted.model, size: { bytes, weights: sizes } };
}

/** A tied weight is there under each of its names: another file may have it under any of them. */
function withOtherNames(model: Model): Model {
  const weights = new Map(model.weights);
  for (const { graph, path } of model.graph ? eachGraph(model.graph) : []) {
    for (const [name, id] of graph.initializers) {
      const weight = model.weights.get(id);
      if (weight && !weights.has(`${path}${name}`)) weights.set(`${path}${name}`, { ...weight, id: `${path}${name}` });
    }
  }
  return { ...model, weights };
}

/** One after the other, so that no more than one weight of each is in memory, or some rows of it. */
async function compareWeights(job: Job, a: Weights, b: Weights): Promise<ComparedWeight[]> {
  const rows = weightsReport(a, b, { before: await findLayers(a.model), after: [] }, new Map());
  const reports: ComparedWeight[] = [];
  for (const row of rows) {
    const [was, is] = [a.model.weights.get(row.id), b.model.weights.get(row.id)];
    if (!was || !is) continue;
    job.asked.signal?.throwIfAborted();
    const comparable = was.dtype !== 'string' && is.dtype !== 'string' && was.shape.join() === is.shape.join();
    reports.push(comparable ? { ...row, ...(await differenceOf(was, is)) } : row);
  }
  return reports;
}

async function differenceOf(a: Weight, b: Weight): Promise<Pick<ComparedWeight, 'error' | 'spread' | 'broken'>> {
  const pairs = await weightPairs(a, b);
  const sums: (ErrorSums | undefined)[] = [];
  for (const load of pairs) sums.push(errorSums(...(await load())));
  const error = errorOf(sums);
  const spread = error ? await errorSpread(pairs) : undefined;
  const broken = error === undefined ? await brokenIn(pairs) : 0;
  return { ...(error !== undefined && { error }), ...(spread && { spread }), ...(broken > 0 && { broken }) };
}

async function brokenIn(pairs: Awaited<ReturnType<typeof weightPairs>>): Promise<number> {
  let broken = 0;
  for (const load of pairs) {
    const [was, is] = (await load()).map(valuesOf);
    was?.forEach((value, i) => {
      if (is && Number.isFinite(value) !== Number.isFinite(is[i])) broken++;
    });
  }
  return broken;
}

function missing({ ids }: Weights, other: Weights): WeightId[] {
  return ids.filter((id) => !other.model.weights.has(id));
}

function fileReport({ path, format, bytes }: Opened): FileReport {
  return { path, format: format.id, bytes };
}
