import { type Job, openJob } from './compress/job.ts';
import { type Opened, openModel } from './compress/open-model.ts';
import { prove } from './compress/prove.ts';
import { recipeInside } from './compress/recipe-in-file.ts';
import { openReferee } from './compress/referee.ts';
import { type Sized, weightsReport } from './compress/weights-report.ts';
import type { AskedToCompare } from './core/asked.ts';
import { TersorError } from './core/error.ts';
import { findLayers } from './core/find-layers.ts';
import type { Target } from './core/format.ts';
import { eachGraph, type WeightId } from './core/graph.ts';
import type { Model } from './core/model.ts';
import { relativeError } from './core/relative-error.ts';
import type { Comparison, FileReport, WeightReport } from './core/report.ts';
import { version } from './io/node-process.ts';
import { METHODS } from './methods/registry.gen.ts';

type Measured = Pick<Comparison, 'quality' | 'speed' | 'runtimes' | 'divergence'>;

/**
 * How model `b` differs from model `a`, which counts as the original: outputs, latency, bytes, and the weights that both have under one name.
 * Where `b` says how tersor made it, weights are compared with those of `a` after the lossless steps. Checkpoints, which have no graph to run, are
 * compared by their weights alone. Nothing is written.
 *
 * @throws {TersorError} FILE_* when one cannot be read, DATA_INVALID, MODEL_INVALID when the runtime refuses `a`, INTERRUPTED
 */
export async function compare(a: string, b: string, asked: AskedToCompare = {}): Promise<Comparison> {
  const job = await openJob(a, asked);
  try {
    const other = await openModel(b);
    try {
      const canRun = job.input.model.graph !== undefined && other.model.graph !== undefined;
      const measured = canRun ? await job.clock.time('measure', () => measure(job, b)) : { runtimes: [] };
      const original = { ...job.input, model: await cleanedLike(job, other.model) };
      const [before, after] = [await weightsOf(original, job.target), await weightsOf(other, job.target)];
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

/** A file's weights in their layouts, under all the names that they have, with what they take of the file. */
interface Weights extends Sized {
  /** Each weight once. */
  readonly ids: readonly WeightId[];
}

async function weightsOf({ format, model }: Opened, target: Target): Promise<Weights> {
  const lifted = await format.lift(model);
  const { bytes, weights: parts } = await format.size(model, target);
  const sizes = new Map<WeightId, number>();
  for (const [part, size] of parts) {
    const owner = lifted.owners.get(part) ?? part;
    sizes.set(owner, (sizes.get(owner) ?? 0) + size);
  }
  return { model: withOtherNames(lifted.model), size: { bytes, weights: sizes }, ids: [...lifted.model.weights.keys()] };
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

/** Row by row, so that no more than one weight of each is in memory. */
async function compareWeights(job: Job, a: Weights, b: Weights): Promise<WeightReport[]> {
  const rows = weightsReport(a, b, { before: await findLayers(a.model), after: [] }, new Map());
  const reports: WeightReport[] = [];
  for (const row of rows) {
    const [was, is] = [a.model.weights.get(row.id), b.model.weights.get(row.id)];
    if (!was || !is) continue;
    job.asked.signal?.throwIfAborted();
    const comparable = was.dtype !== 'string' && is.dtype !== 'string' && was.shape.join() === is.shape.join();
    const error = comparable ? relativeError(await was.load(), await is.load()) : undefined;
    reports.push({ ...row, ...(error !== undefined && { error }) });
  }
  return reports;
}

function missing({ ids }: Weights, other: Weights): WeightId[] {
  return ids.filter((id) => !other.model.weights.has(id));
}

function fileReport({ path, format, bytes }: Opened): FileReport {
  return { path, format: format.id, bytes };
}
