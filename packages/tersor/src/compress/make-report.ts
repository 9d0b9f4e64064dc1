import { findLayers } from '../core/find-layers.ts';
import type { Size } from '../core/format.ts';
import type { WeightId } from '../core/graph.ts';
import type { Model } from '../core/model.ts';
import type { Report } from '../core/report.ts';
import { peakMemory, version } from '../io/node-process.ts';
import type { Job } from './job.ts';
import { weightsReport } from './weights-report.ts';

type Result = Pick<Report, 'outcome' | 'recipe' | 'quality' | 'speed' | 'runtimes' | 'promises'> & {
  /** Peak of the engine's process, bytes. */
  readonly memory?: number;
  readonly model: Model;
  readonly size: Size;
  /** See `WeightReport.error`; absent when nothing was computed. */
  readonly errors?: ReadonlyMap<WeightId, number>;
  /** Where the result is; absent when nothing was left behind. */
  readonly output?: string;
};

export async function makeReport(
  job: Job,
  { model, size, errors = new Map(), output, outcome, recipe, quality, speed, memory, runtimes, promises }: Result,
): Promise<Report> {
  const { input, target, clock, notes } = job;
  const before = { model: input.model, size: await input.format.size(input.model, target) };
  return {
    version: version(),
    target,
    input: { path: input.path, format: input.format.id, bytes: input.bytes },
    ...(output !== undefined && { output: { path: output, format: input.format.id, bytes: size.bytes } }),
    resultBytes: size.bytes,
    outcome,
    recipe,
    weights: weightsReport(before, { model, size }, await findLayers(input.model), errors),
    ...(quality && { quality }),
    ...(speed && { speed }),
    memory: { process: peakMemory(), ...(memory !== undefined && { engine: memory }) },
    runtimes,
    promises,
    skipped: [...notes.values()],
    seconds: clock.seconds(),
  };
}
