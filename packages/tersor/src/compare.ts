import { type Job, openJob } from './compress/job.ts';
import { type Opened, openModel } from './compress/open-model.ts';
import { openReferee } from './compress/referee.ts';
import { weightsReport } from './compress/weights-report.ts';
import type { AskedToCompare } from './core/asked.ts';
import { decode } from './core/decode.ts';
import { elementsOf } from './core/dtype.ts';
import { TersorError } from './core/error.ts';
import { findLayers } from './core/find-layers.ts';
import type { Weight } from './core/model.ts';
import type { Comparison, FileReport, RuntimeReport, WeightReport } from './core/report.ts';
import { version } from './io/node-process.ts';

type Measured = Pick<Comparison, 'quality' | 'speed' | 'runtimes'>;

/**
 * How model `b` differs from model `a`, which counts as the original: outputs, latency, bytes, and the weights that both have under one name.
 * Nothing is written.
 *
 * @throws {TersorError} FILE_* when one cannot be read, DATA_INVALID, MODEL_INVALID when the runtime refuses `a`, INTERRUPTED
 */
export async function compare(a: string, b: string, asked: AskedToCompare = {}): Promise<Comparison> {
  const job = await openJob(a, asked);
  try {
    const other = await openModel(b);
    try {
      const measured = await job.clock.time('measure', () => measure(job, b));
      const weights = await job.clock.time('weights', () => compareWeights(job, other));
      return {
        version: version(),
        target: job.target,
        a: fileReport(job.input),
        b: fileReport(other),
        sizeRatio: other.bytes / job.input.bytes,
        ...measured,
        weights,
        onlyInA: missing(job.input, other),
        onlyInB: missing(other, job.input),
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
  const { name } = referee.engine;
  try {
    const session = await referee.engine.open({ path });
    const quality = await referee.judge(session, 'all', (done, total) => job.progress('verify', done, total));
    job.progress('time');
    const speed = await referee.race(session);
    return { quality, speed, runtimes: [{ name, status: 'verified' }] };
  } catch (error) {
    if (!(error instanceof TersorError) || !['MODEL_INVALID', 'RUN_FAILED'].includes(error.code)) throw error;
    const runtimes: RuntimeReport[] = [{ name, status: 'failed', message: error.what }];
    return { runtimes };
  } finally {
    await referee.close();
  }
}

async function compareWeights(job: Job, other: Opened): Promise<WeightReport[]> {
  const sizeOf = async ({ format, model }: Opened) => ({ model, size: await format.size(model, job.target) });
  const rows = weightsReport(await sizeOf(job.input), await sizeOf(other), await findLayers(job.input.model));
  const reports: WeightReport[] = [];
  for (const row of rows) {
    const [a, b] = [job.input.model.weights.get(row.id), other.model.weights.get(row.id)];
    if (!a || !b) continue;
    job.asked.signal?.throwIfAborted();
    const error = await relativeError(a, b);
    reports.push({ ...row, ...(error !== undefined && { error }) });
  }
  return reports;
}

/** |a - b| / |a| in the Frobenius norm; undefined where the two are not the same kind of thing. */
async function relativeError(a: Weight, b: Weight): Promise<number | undefined> {
  if (a.dtype === 'string' || b.dtype === 'string' || elementsOf(a.shape) === 0 || a.shape.join() !== b.shape.join()) return undefined;
  const [original, changed] = [decode(await a.load()), decode(await b.load())];
  let [difference, norm] = [0, 0];
  for (let i = 0; i < original.length; i++) {
    difference += (original[i]! - changed[i]!) ** 2;
    norm += original[i]! ** 2;
  }
  return difference === 0 ? 0 : Math.sqrt(difference / norm);
}

function missing(has: Opened, lacks: Opened): string[] {
  return [...has.model.weights.keys()].filter((id) => !lacks.model.weights.has(id));
}

function fileReport({ path, format, bytes }: Opened): FileReport {
  return { path, format: format.id, bytes };
}
